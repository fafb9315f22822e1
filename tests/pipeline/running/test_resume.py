"""What is recomputed, and what is not: decided by fingerprints alone."""

import csv
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spam_pipe.stages.networks.files import find_weights

Command = Callable[..., dict[str, Any]]


@pytest.fixture
def run(command: Command, pictures: Path) -> Command:
    def on_pictures(target: str, **options: Any) -> dict[str, Any]:
        chosen = {
            "dataset": str(pictures / "images"),
            "ground_truth": str(pictures / "truth"),
            "n_superpixels": "6,12",
            "prior": "gradient",
        }
        return command(target, **{**chosen, **options})

    return on_pictures


def made(tmp_path: Path) -> Counter[str]:
    """Count the units made since the last call, by stage."""
    log = tmp_path / "outputs" / "images" / "events.csv"
    if not log.exists():
        return Counter()
    with log.open() as file:
        counts = Counter(row["stage"] for row in csv.DictReader(file))
    log.unlink()
    return counts


def test_a_second_call_does_nothing(run: Command, tmp_path: Path) -> None:
    first = run("evaluate")
    assert (first["status"], first["computed"], first["complete"]) == (0, 6, 0)
    assert made(tmp_path) == {"propose": 6, "prior": 6, "segment": 12, "evaluate": 12}
    second = run("evaluate")
    assert (second["computed"], second["complete"]) == (0, 6)


def test_stages_one_by_one_do_what_all_at_once_does(run: Command, tmp_path: Path) -> None:
    for stage in ("propose", "prior", "segment", "evaluate"):
        assert run(stage)["status"] == 0
    assert made(tmp_path) == {"propose": 6, "prior": 6, "segment": 12, "evaluate": 12}
    assert run("run")["computed"] == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"assignments": ["evaluate.boundary_tolerance=0.01"]}, {"evaluate": 12}),
        ({"assignments": ["segment.compactness=5"]}, {"segment": 12, "evaluate": 12}),
        ({"assignments": ["prior.opening=3"]}, {"prior": 6, "segment": 12, "evaluate": 12}),
        ({"n_superpixels": "6,12,20"}, {"segment": 6, "evaluate": 6}),
        ({"seed": 1}, {"segment": 12, "evaluate": 12}),
        ({"overwrite": True}, {"evaluate": 12}),
        ({"assignments": ["report.n_pictures=0"]}, {}),
    ],
)
def test_a_change_recomputes_its_own_stage_and_what_stands_on_it(
    run: Command, tmp_path: Path, options: dict[str, Any], expected: dict[str, int]
) -> None:
    run("evaluate")
    made(tmp_path)
    again = run("evaluate", **options)
    assert again["status"] == 0
    assert made(tmp_path) == expected
    # The first configuration's results are still there, side by side with the new ones.
    assert run("evaluate")["computed"] == 0


def test_changed_bytes_make_one_item_stale(run: Command, tmp_path: Path, pictures: Path) -> None:
    run("evaluate")
    made(tmp_path)
    path = pictures / "images" / "003.png"
    image = np.asarray(Image.open(path)).copy()
    image[:10, :10] = 0
    Image.fromarray(image).save(path)
    again = run("evaluate")
    assert (again["computed"], again["complete"]) == (1, 5)
    assert again["stale"] == {"propose": 1, "prior": 1, "segment": 1, "evaluate": 1}
    assert made(tmp_path) == {"propose": 1, "prior": 1, "segment": 2, "evaluate": 2}


def test_changed_ground_truth_concerns_the_evaluation_alone(
    run: Command, tmp_path: Path, pictures: Path
) -> None:
    run("evaluate")
    made(tmp_path)
    Image.fromarray(np.ones((40, 60), np.uint8)).save(pictures / "truth" / "001.png")
    assert run("evaluate")["stale"]["evaluate"] == 1
    assert made(tmp_path) == {"evaluate": 2}


def test_a_touched_file_with_the_same_bytes_is_not_stale(run: Command, pictures: Path) -> None:
    run("evaluate")
    os.utime(pictures / "images" / "000.png", (1, 1))
    assert run("evaluate")["computed"] == 0


def test_a_lost_upstream_result_alone_is_made_again(
    run: Command, tmp_path: Path, pictures: Path
) -> None:
    run("evaluate")
    made(tmp_path)
    (record,) = tmp_path.glob("outputs/images/prior-*.zarr/002/zarr.json")
    record.unlink()
    run("evaluate")
    assert made(tmp_path) == {"prior": 1}


def test_limit_takes_the_first_items(run: Command) -> None:
    assert run("segment", limit=2)["n_items"] == 2
    rest = run("segment")
    assert (rest["computed"], rest["complete"]) == (4, 2)


def test_one_bad_image_fails_alone_and_is_tried_again(
    run: Command, tmp_path: Path, pictures: Path
) -> None:
    bad = pictures / "images" / "002.png"
    good = bad.read_bytes()
    bad.write_bytes(good[: len(good) // 2])
    first = run("run")
    assert (first["status"], first["computed"], first["failed"]) == (1, 5, 1)
    assert "002.png" in first["failures"][0]["reason"]
    with (tmp_path / "outputs/images/failures.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert (line["item"], line["stage"]) == ("002", "propose")
    assert all(row["n_images"] == 5 and row["n_failed"] == 1 for row in first["summary"])

    skipped = run("run", skip_failed=True)
    assert (skipped["status"], skipped["skipped"], skipped["complete"]) == (1, 1, 5)

    bad.write_bytes(good)
    mended = run("run")
    assert (mended["status"], mended["computed"], mended["complete"]) == (0, 1, 5)
    assert (tmp_path / "outputs/images/failures.csv").read_text().count("\n") == 1
    assert all(row["n_images"] == 6 and row["n_failed"] == 0 for row in mended["summary"])


def test_ground_truth_of_another_shape_fails_that_item_after_its_segmentation(
    run: Command, tmp_path: Path, pictures: Path
) -> None:
    Image.fromarray(np.ones((7, 7), np.uint8)).save(pictures / "truth" / "004.png")
    result = run("evaluate")
    assert (result["status"], result["computed"], result["failed"]) == (1, 5, 1)
    assert result["failures"][0]["stage"] == "evaluate"
    assert "7" in result["failures"][0]["reason"]
    assert made(tmp_path)["segment"] == 12


def test_equal_runs_write_equal_tables(command: Command, pictures: Path, tmp_path: Path) -> None:
    tables = []
    for outputs in ("one", "two"):
        command(
            "run",
            dataset=str(pictures / "images"),
            ground_truth=str(pictures / "truth"),
            n_superpixels="6,12",
            outputs=str(tmp_path / outputs),
        )
        tables.append((tmp_path / outputs / "images/report/summary.csv").read_bytes())
    assert tables[0] == tables[1]


def test_methods_stand_side_by_side_in_one_report(run: Command) -> None:
    run("run", n_superpixels="12")
    both = run("run", n_superpixels="12", method="slic", prior=None)
    assert {row["method"] for row in both["summary"]} == {"spam", "slic"}


def test_a_later_command_keeps_what_an_earlier_one_set(run: Command, command: Command) -> None:
    run("segment", assignments=["segment.compactness=5"])
    kept = command("evaluate")
    assert kept["run"] == "images"
    assert kept["computed"] == 6
    assert "segment" not in kept["stage_seconds"]


def test_a_run_is_repeated_from_its_run_toml(
    run: Command, command: Command, tmp_path: Path
) -> None:
    run("segment", assignments=["segment.compactness=5"])
    recorded = tmp_path / "outputs/images/run.toml"
    repeated = command("segment", config=str(recorded), run="again")
    assert repeated["computed"] == 6
    assert (tmp_path / "outputs/again/run.toml").read_bytes() == recorded.read_bytes()


def test_outputs_may_be_any_url(run: Command, tmp_path: Path) -> None:
    url = f"memory://{tmp_path}"
    first = run("run", outputs=url)
    assert (first["status"], first["computed"]) == (0, 6)
    assert run("run", outputs=url)["complete"] == 6


def test_changed_weights_make_what_they_made_stale(run: Command, tmp_path: Path) -> None:
    weights = tmp_path / "mine.safetensors"
    shutil.copy(find_weights("trunk"), weights)
    chosen = [f"propose.contour.weights={weights}", f"segment.weights={weights}"]
    first = run("segment", prior="contour", assignments=chosen, n_superpixels="6")
    assert (first["status"], first["computed"]) == (0, 6)
    weights.write_bytes(weights.read_bytes()[:-2] + b"\0\0")
    again = run("segment", prior="contour", assignments=chosen, n_superpixels="6")
    assert again["stale"] == {"propose": 6, "prior": 6, "segment": 6}


def test_colour_alone_reads_no_weights(run: Command, tmp_path: Path) -> None:
    assert run("segment", prior="none", assignments=["segment.network=none"])["status"] == 0
    (record,) = tmp_path.glob("outputs/images/segment-*.zarr/000/6/zarr.json")
    inputs = json.loads(record.read_text())["attributes"]["spam_pipe"]["inputs"]
    assert inputs["segment_weights"] == ["", ""]
    assert len(inputs["image"][1]) == 64
