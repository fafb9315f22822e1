"""An item read back is the same for every command: its labels, objects and contour."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from spam_pipe.pipeline.cli.app import app
from spam_pipe.pipeline.reporting import contact_sheet as sheets
from spam_pipe.pipeline.reporting.report import write_report
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.stages.prior.cut import contour_of, objects_for
from spam_pipe.stages.propose import stage as propose_stage
from spam_pipe.stages.report.contact_sheet import Example
from tests.conftest import draw_images

Command = Callable[..., dict[str, Any]]

LEAST = 10_000
"""Pixels of the smallest image that can be segmented by blocks."""


def spam(tmp_path: Path, *arguments: str | Path) -> dict[str, Any]:
    """Run a command on the results; return its JSON."""
    words = [*map(str, arguments), "--outputs", str(tmp_path / "outputs"), "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def stored(tmp_path: Path, stage: str, unit: int | str | None, item: str = "000") -> Any:
    _, run = open_existing_run(str(tmp_path / "outputs"), None)
    return build_chain(run.config, run.folder)[stage].store.read(item, unit)[1]


@pytest.fixture
def by_blocks(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, NDArray[Any]]:
    """One image that is segmented by blocks, its prior window by window."""
    monkeypatch.setattr(propose_stage, "BLOCK_PIXELS", LEAST)
    folder = draw_images(tmp_path / "pictures", 1, size=(100, 120))
    done = command(
        "evaluate",
        dataset=str(folder / "images"),
        ground_truth=str(folder / "truth"),
        method="slic-masked",
        prior="gradient",
        n_superpixels="30",
        assignments=[f"segment.block_pixels={LEAST}"],
    )
    assert done["status"] == 0
    return dict(stored(tmp_path, "segment", 30).arrays)


def annotated(tmp_path: Path, marks: str, *options: str) -> NDArray[Any]:
    path = tmp_path / "marks.csv"
    path.write_text(marks)
    spam(tmp_path, "annotate", path, "--to", tmp_path / "masks", *options)
    return np.asarray(Image.open(tmp_path / "masks" / "000.png"))


def test_a_click_speaks_for_its_whole_object_of_an_image_by_blocks(
    by_blocks: dict[str, NDArray[Any]], tmp_path: Path
) -> None:
    labels, objects = by_blocks["labels"], by_blocks["objects"]
    own = objects[10, 10]
    of_object = np.unique(labels[objects == own])
    assert own > 0
    assert of_object.size > 1
    marks = "image,x,y,class\n000,10,10,1\n"
    alone = annotated(tmp_path, marks)
    whole = annotated(tmp_path, marks, "--objects")
    assert np.array_equal(alone > 0, labels == labels[10, 10])
    assert np.array_equal(whole > 0, np.isin(labels, of_object))


def test_an_object_of_an_image_by_blocks_can_be_named(
    by_blocks: dict[str, NDArray[Any]], tmp_path: Path
) -> None:
    objects = by_blocks["objects"]
    spam(tmp_path, "export", tmp_path / "maps", "--what", "objects", "-k", "30")
    exported = np.asarray(Image.open(tmp_path / "maps" / "objects" / "30" / "000.png"))
    assert np.array_equal(exported, objects)
    mask = annotated(tmp_path, f"image,object,class\n000,{objects.max()},1\n")
    assert mask[objects == objects.max()].all()


def test_the_contact_sheet_shows_the_objects_of_the_image_where_a_size_was_asked_for(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, truth = tmp_path / "images", tmp_path / "truth"
    for number, size in enumerate([(40, 60), (120, 180)]):
        drawn = draw_images(tmp_path / f"of-{number}", 1, size=size)
        for name, target in (("images", images), ("truth", truth)):
            target.mkdir(exist_ok=True)
            (drawn / name / "000.png").rename(target / f"{number:03d}.png")
    command(
        "evaluate",
        dataset=str(images),
        ground_truth=str(truth),
        method="slic-masked",
        prior="gradient",
        superpixel_size="15",
        assignments=["segment.tau=0"],
    )
    shown: list[Example] = []
    draw = sheets.contact_sheet

    def remember(examples: list[Example], title: str) -> Any:
        shown.extend(examples)
        return draw(examples, title)

    monkeypatch.setattr(sheets, "contact_sheet", remember)
    _, run = open_existing_run(str(tmp_path / "outputs"), None)
    write_report(run, Selection(run, None), 100)
    assert {example.name for example in shown} == {"000", "001"}
    for example in shown:
        prior = stored(tmp_path, "prior", None, example.name).arrays
        asked = stored(tmp_path, "segment", "15px", example.name).attributes["n_requested"]
        own = objects_for(prior, contour_of(prior), asked, run.config.segment)
        assert example.objects is not None
        assert np.array_equal(example.objects, own)


def test_objects_of_more_superpixels_than_pixels_are_those_that_the_labels_keep_to(
    command: Command, tmp_path: Path
) -> None:
    folder = draw_images(tmp_path / "pictures", 1, size=(20, 24))
    command(
        "segment",
        dataset=str(folder / "images"),
        method="slic-masked",
        prior="gradient",
        n_superpixels="5000",
        assignments=["segment.tau=0", "segment.rho=0.01"],
    )
    made = stored(tmp_path, "segment", 5000)
    spam(tmp_path, "export", tmp_path / "tables", "--what", "table")
    spam(tmp_path, "export", tmp_path / "maps", "--what", "objects", "-k", "5000")
    with (tmp_path / "tables" / "table" / "5000" / "000.csv").open() as file:
        owners = {int(row["object"]) for row in csv.DictReader(file)}
    exported = np.asarray(Image.open(tmp_path / "maps" / "objects" / "5000" / "000.png"))
    assert stored(tmp_path, "prior", None).attributes["n_objects"] > 4
    assert made.attributes["n_objects"] == exported.max() == max(owners) == 4
