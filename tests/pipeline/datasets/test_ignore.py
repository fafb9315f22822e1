"""`--ignore`: values of ground truth that mean no region, from the file to the table."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from spam_pipe import evaluate
from spam_pipe.pipeline.datasets.user_files.label_file import LabelFile
from spam_pipe.pipeline.errors import DataError
from spam_pipe.stages.validity import VOID
from tests.conftest import draw_images

Command = Callable[..., dict[str, Any]]
LABELS = np.array([[0, 1, 255], [255, 7, 1]])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
@pytest.mark.parametrize("ignore", [(255,), (0, 255), (7,)])
def test_values_that_are_ignored(tmp_path: Path, suffix: str, ignore: tuple[int, ...]) -> None:
    path = tmp_path / f"a{suffix}"
    save = {
        ".png": lambda: Image.fromarray(LABELS.astype(np.uint8)).save(path),
        ".tif": lambda: tifffile.imwrite(path, LABELS.astype(np.uint16)),
        ".npy": lambda: np.save(path, LABELS),
    }
    save[suffix]()
    (read,) = LabelFile(path, ignore=ignore, void=VOID).read()
    np.testing.assert_array_equal(read, np.where(np.isin(LABELS, ignore), VOID, LABELS))
    assert LabelFile(path, ignore=ignore).digest() != LabelFile(path).digest()
    assert LabelFile(path, ignore=ignore).signature() != LabelFile(path).signature()


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64, np.float32])
def test_negative_values(tmp_path: Path, kind: type) -> None:
    labels = np.array([[0, -1], [3, -1]], kind)
    tifffile.imwrite(tmp_path / "a.tif", labels)
    with pytest.raises(DataError, match=r"they are -1 to 3: leave .* out with --ignore -1"):
        LabelFile(tmp_path / "a.tif").read()
    (read,) = LabelFile(tmp_path / "a.tif", ignore=(-1,), void=VOID).read()
    assert read.tolist() == [[0, VOID], [3, VOID]]


def test_a_run_with_a_void(tmp_path: Path, command: Command) -> None:
    pictures = draw_images(tmp_path / "pictures", 1)
    truth = pictures / "truth" / "000.png"
    regions = np.asarray(Image.open(truth)).copy()
    regions[:, :25] = 255
    Image.fromarray(regions).save(truth)
    given = {
        "dataset": str(pictures / "images"),
        "ground_truth": str(pictures / "truth"),
        "prior": "none",
        "method": "grid",
        "n_superpixels": "6",
    }
    figures = {}
    for ignore in (None, "255"):
        command("run", **given, ignore=ignore)
        with (tmp_path / "outputs" / "images" / "report" / "metrics.csv").open() as file:
            (row,) = csv.DictReader(file)
        figures[ignore] = float(row["asa"]), float(row["boundary_precision"])
    assert figures[None] != figures["255"]
    labels = np.arange(40)[:, np.newaxis] // 20 * 3 + np.arange(60) // 20
    expected = evaluate(labels, ground_truth=regions, ignore=255)
    assert figures["255"][0] == pytest.approx(expected["asa"], abs=1e-6)
