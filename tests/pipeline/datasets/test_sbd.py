"""The Stanford Background Dataset, on small files of its format."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.datasets.sbd import Sbd
from spam_pipe.pipeline.errors import DataError


def write_sbd(root: Path, names: list[str]) -> None:
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    for name in names:
        Image.new("RGB", (4, 2), "green").save(root / "images" / f"{name}.jpg")
        (root / "labels" / f"{name}.layers.txt").write_text("0 0 1 1\n0 0 1 0\n")


@pytest.mark.parametrize("layout", ["iccv09Data", "sbd/iccv09Data", "."])
def test_listed_ids_that_are_there(tmp_path: Path, layout: str) -> None:
    # 0000047 and 0000059 are test images, 0000051 is a training image, 9999999 is neither.
    write_sbd(tmp_path / layout, ["0000059", "0000047", "0000051", "9999999"])
    dataset = Sbd(tmp_path)
    assert [item.id for item in dataset.items("test")] == ["0000047", "0000059"]
    assert [(item.id, item.split) for item in dataset.items("all")] == [
        ("0000047", "test"),
        ("0000051", "train"),
        ("0000059", "test"),
    ]
    item = next(dataset.items("train"))
    assert item.image.read().shape == (2, 4, 3)
    (regions,) = item.annotations.read()
    np.testing.assert_array_equal(regions, [[1, 1, 2, 2], [1, 1, 2, 3]])


def test_the_shipped_lists() -> None:
    assert [Sbd().expected(split) for split in ("test", "train", "all")] == [477, 238, 715]


def test_a_folder_with_none_of_the_images(tmp_path: Path) -> None:
    write_sbd(tmp_path, ["9999999"])
    with pytest.raises(DataError, match="holds no image of sbd test"):
        Sbd(tmp_path).items("test")
