"""A method that ends its process costs one item, without workers too."""

import csv
import os
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.running.child import Child

pytest.importorskip("cv2", reason="needs the extra opencv")

Command = Callable[..., dict[str, Any]]


def test_a_thumbnail_beside_photographs(tmp_path: Path, command: Command) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name, size in {"a": (120, 160), "m_thumb": (21, 40), "z": (120, 160)}.items():
        noise = random.integers(0, 255, (*size, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{name}.png")
    done = command("run", dataset=str(folder), method="seeds", prior="none", n_superpixels="400")
    outputs = tmp_path / "outputs" / "images"
    with (outputs / "report" / "metrics.csv").open() as file:
        measured = {row["image"] for row in csv.DictReader(file)}
    assert measured == {"a", "m_thumb", "z"}
    assert done["status"] == 0


class Deadly:
    """A job that ends the process that unpacks it."""

    context = SimpleNamespace(item_timeout=None)
    item = SimpleNamespace(id="bad")
    work = MappingProxyType({"segment": None})
    point = None

    def __reduce__(self) -> tuple[Callable[[int], Any], tuple[int]]:
        return os._exit, (139,)


def test_a_process_that_dies_costs_its_job_alone() -> None:
    child = Child()
    (outcome,) = child.run(iter([(Deadly(),)]))  # type: ignore[arg-type]
    child.close()
    assert outcome.item_id == "bad"
    assert outcome.failure is not None
    assert (outcome.failure.stage, outcome.failure.kind) == ("segment", "WorkerDied")
    assert "OpenCV ended the process" in outcome.failure.message


@pytest.mark.parametrize("method", ["seeds", "slic-cv", "slico", "lsc"])
def test_results_are_those_of_this_process(
    tmp_path: Path, command: Command, pictures: Path, method: str
) -> None:
    from spam_pipe.stages.colour import rgb_to_lab
    from spam_pipe.stages.methods.config import SegmentConfig
    from spam_pipe.stages.methods.registry import find_method
    from spam_pipe.stages.scene import Scene

    command(
        "run", dataset=str(pictures / "images"), method=method, prior="none", n_superpixels="12"
    )
    image = np.asarray(Image.open(pictures / "images" / "000.png"))
    made = find_method(method)(Scene(image, rgb_to_lab(image)), 12, SegmentConfig(method=method))
    outputs = tmp_path / "outputs" / "images"
    with (outputs / "report" / "metrics.csv").open() as file:
        (row,) = [row for row in csv.DictReader(file) if row["image"] == "000"]
    assert int(row["n_superpixels"]) == int(made.labels.max()) + 1
