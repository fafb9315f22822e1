"""Results that a report leaves out are named, with what brings them back."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spam_pipe.pipeline.store.folder import LocalFolder
from spam_pipe.pipeline.store.store import Store, root_json
from spam_pipe.stages.registry import STAGES

Command = Callable[..., dict[str, Any]]


@pytest.fixture
def report(command: Command, pictures: Path) -> Command:
    def on_pictures(method: str, **options: Any) -> dict[str, Any]:
        data = {"dataset": str(pictures / "images"), "ground_truth": str(pictures / "truth")}
        chosen = {"n_superpixels": "6,12", "prior": "none", "method": method}
        return command("report", **{**data, **chosen, **options})

    return on_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outputs" / "images"


def page(folder: Path) -> str:
    return (folder / "report" / "index.html").read_text("utf-8")


def evaluation(folder: Path, method: str) -> Store:
    stores = (Store(LocalFolder(folder), path.name) for path in folder.glob("evaluate-*.zarr"))
    return next(s for s in stores if (s.describe() or {})["configs"]["segment"]["method"] == method)


def test_nothing_is_said_where_all_is_in(report: Command, folder: Path) -> None:
    assert report("grid")["left_out"] == []
    assert report("slic")["left_out"] == []
    assert "Left out" not in page(folder)


def test_another_methods_results_of_an_earlier_version(
    report: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report("grid")
    newer = replace(STAGES["segment"], version=STAGES["segment"].version + 1)
    monkeypatch.setitem(STAGES, "segment", newer)
    done = report("slic")
    store = evaluation(folder, "grid").name
    assert done["left_out"] == [{"store": store, "method": "grid", "n_images": 6}]
    assert [row["method"] for row in done["summary"]] == ["slic", "slic"]
    said = page(folder)
    assert "by another version (grid, 6 images); `spam-pipe report --run images" in said
    assert "--method grid` makes them anew." in said
    assert report("grid")["left_out"] == []


def test_the_command_that_is_named_brings_them_back(
    report: Command, command: Command, folder: Path, pictures: Path
) -> None:
    report("grid")
    image = pictures / "images" / "002.png"
    image.write_bytes((pictures / "images" / "003.png").read_bytes())
    assert report("slic")["left_out"][0]["n_images"] == 1
    told = page(folder).partition("(grid, 1 image); `")[2].partition("`")[0]
    words = shlex.split(told.replace("&#39;", "'"))
    assert words[:4] == ["spam-pipe", "report", "--run", "images"]
    flags = dict(zip(words[2::2], words[3::2], strict=True))
    assert flags.pop("--dataset") == str(pictures / "images")
    assert flags["--method"] == "grid"
    assert report(flags["--method"])["left_out"] == []


def shown(done: dict[str, Any]) -> set[tuple[str, int]]:
    return {(row["method"], row["n_requested"]) for row in done["summary"]}


def test_results_for_other_counts_alone_are_shown(report: Command, folder: Path) -> None:
    report("grid")
    report("slic", n_superpixels="6,20")
    done = report("slic", n_superpixels="20")
    assert done["left_out"] == []
    assert shown(done) == {("grid", 6), ("grid", 12), ("slic", 6), ("slic", 20)}


def test_where_no_record_of_counts_is_left_other_counts_are_named(
    report: Command, folder: Path
) -> None:
    report("grid")
    (folder / "counts.json").unlink()
    done = report("slic", n_superpixels="20")
    store = evaluation(folder, "grid").name
    assert done["left_out"] == [{"store": store, "method": "grid", "n_images": 6}]
    assert shown(done) == {("slic", 20)}
    assert "--n-superpixels 20 --ground-truth" in page(folder).replace(" --limit 6", "")


def test_a_failed_image_is_not_left_out_as_well(
    report: Command, folder: Path, pictures: Path
) -> None:
    report("slic")
    (pictures / "images" / "002.png").write_bytes(b"damaged")
    done = report("slic")
    assert (done["failed"], done["left_out"]) == (1, [])


def test_options_that_came_later_and_those_that_are_gone(report: Command, folder: Path) -> None:
    report("grid")
    store = evaluation(folder, "grid")
    moved = folder / "evaluate-00000000.zarr"
    (folder / store.name).rename(moved)  # as before an option that came later was one
    done = report("slic")
    assert [each["store"] for each in done["left_out"]] == [moved.name]
    assert "--method grid` makes them anew." in page(folder)
    report("grid")
    assert report("slic")["left_out"] == []  # it was made anew
    description = Store(LocalFolder(folder), moved.name).describe() or {}
    said = {key: value for key, value in description.items() if key != "format"}
    said["configs"]["segment"]["firmness"] = 5.0
    (moved / "zarr.json").write_bytes(root_json(said))
    assert [each["store"] for each in report("slic")["left_out"]] == [moved.name]
    assert (
        f"{moved.name} names an option that is not there any more: make them anew with "
        f"today&#39;s, or delete {moved}."
    ) in page(folder)
