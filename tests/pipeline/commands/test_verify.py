"""What `spam-pipe verify` finds, and that the next run makes again just what it removed."""

import csv
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.commands.items import run_items
from spam_pipe.pipeline.commands.verify import verify_run
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.lock import locked
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.session.other_options import VerifyOptions
from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.stages.base import Output
from tests.conftest import draw_images

Verify = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images and a run of all stages."""
    folder = draw_images(tmp_path_factory.mktemp("finished"), 3)
    assert compute(folder) == 0
    return folder


def compute(folder: Path, **options: Any) -> int:
    given = {
        "dataset": str(folder / "images"),
        "ground_truth": str(folder / "truth"),
        "n_superpixels": "6,12",
        "prior": "gradient",
        "assignments": ["segment.network=none"],
        "device": "cpu",
        "outputs": str(folder / "outputs"),
        "quiet": True,
        **options,
    }
    return run_items("evaluate", Options(**given))


@pytest.fixture
def place(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run, which a test may damage; the images stay where they are."""
    shutil.copytree(finished / "outputs", tmp_path / "outputs")
    return tmp_path


@pytest.fixture
def verify(place: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    def run(**options: Any) -> dict[str, Any]:
        capsys.readouterr()
        given = {"outputs": str(place / "outputs"), "run": "images", "device": "cpu", **options}
        status = verify_run(VerifyOptions(**given, as_json=True))
        return {"status": status, **json.loads(capsys.readouterr().out)}

    return run


def remake(finished: Path, place: Path) -> Counter[str]:
    """Run the command again and count the units that it made, by stage."""
    log = place / "outputs/images/events.csv"
    log.unlink(missing_ok=True)
    assert compute(finished, outputs=str(place / "outputs")) == 0
    if not log.exists():
        return Counter()
    with log.open() as file:
        return Counter(row["stage"] for row in csv.DictReader(file))


def files_of(place: Path) -> list[Path]:
    return sorted(path for path in place.glob("outputs/images/*.zarr/**/*") if path.is_file())


def arrays_of(outputs: Path) -> dict[str, bytes]:
    """Return every array of the run as bytes."""
    _, run = open_existing_run(str(outputs), "images")
    found = {}
    for link in build_chain(run.config, run.folder).values():
        for item in ("000", "001", "002"):
            for unit in link.units:
                for name, array in link.store.read(item, unit)[1].arrays.items():
                    found[f"{link.name} {item} {unit} {name}"] = array.tobytes()
    return found


def test_a_finished_run_is_found_sound(verify: Verify) -> None:
    found = verify(recompute=2)
    assert found["status"] == 0
    assert (found["stores"], found["results"]) == (4, 18)
    assert found["recomputed"] == 2
    assert found["findings"] == found["leftovers"] == found["not_read"] == []


@pytest.mark.parametrize(
    "pattern",
    [
        "segment-*/zarr.json",
        "propose-*/000/zarr.json",
        "segment-*/000/zarr.json",
        "segment-*/001/12/zarr.json",
        "evaluate-*/001/6/zarr.json",
        "segment-*/002/6/*/zarr.json",
        "segment-*/002/6/*/labels/zarr.json",
        "segment-*/002/6/*/labels/c/0/0",
        "prior-*/002/*/packed/c/0",
    ],
)
def test_a_changed_bit_is_found_and_healed(
    verify: Verify, finished: Path, place: Path, pattern: str
) -> None:
    (path,) = place.glob(f"outputs/images/{pattern}")
    content = bytearray(path.read_bytes())
    bit = random.Random(pattern).randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)

    found = verify()
    assert found["status"] == 1
    (finding,) = found["findings"]
    assert finding["finding"] == "damaged"
    parts = path.relative_to(place / "outputs/images").parts
    assert finding["store"] == parts[0]
    assert finding["item"] == (parts[1] if len(parts) > 2 else "")

    assert verify(repair=True)["repaired"]
    made = remake(finished, place)
    assert sum(made.values()) <= 1  # the unit alone, or nothing where metadata could be rewritten
    assert verify()["findings"] == []
    assert arrays_of(place / "outputs") == arrays_of(finished / "outputs")


def test_a_lost_file_is_found(verify: Verify, place: Path) -> None:
    (path,) = place.glob("outputs/images/segment-*/001/6/*/labels/c/0/0")
    path.unlink()
    (finding,) = verify()["findings"]
    assert (finding["item"], finding["n_superpixels"]) == ("001", 6)
    assert "labels/c/0/0 is lost" in finding["reason"]


def test_labels_that_break_the_guarantees_are_found(verify: Verify, place: Path) -> None:
    _, run = open_existing_run(str(place / "outputs"), "images")
    link = build_chain(run.config, run.folder)["segment"]

    def replace_labels(item: str, labels: np.ndarray) -> None:
        record, output = link.store.read(item, 6)
        link.store.write(
            item,
            6,
            Output({"labels": labels}, output.attributes),
            fingerprint=record.fingerprint,
            inputs=record.inputs,
            provenance=record.provenance,
        )

    labels = link.store.read("000", 6)[1].arrays["labels"]
    replace_labels("000", labels + labels.dtype.type(1))
    torn = labels.copy()
    torn[0, 0], torn[-1, -1] = torn[-1, -1], torn[0, 0]
    replace_labels("001", torn)
    across = np.repeat(np.arange(6, dtype=labels.dtype), 10)[None].repeat(40, axis=0)
    replace_labels("002", across)
    reasons = {each["item"]: each["reason"] for each in verify()["findings"]}
    assert set(reasons) == {"000", "001", "002"}
    assert "the labels are not 0..5 without a gap" in reasons["000"]
    assert "8 4-connected regions" in reasons["001"]
    assert "labels lie in more than one object" in reasons["002"]


def test_an_image_that_changed_behind_its_date_is_found(
    verify: Verify, finished: Path, place: Path
) -> None:
    path = finished / "images/001.png"
    before, status = path.read_bytes(), path.stat()
    changed = bytearray(before)
    changed[-1] ^= 1
    try:
        path.write_bytes(changed)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        findings = verify()["findings"]
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert {(each["item"], each["finding"]) for each in findings} == {("001", "outdated")}
    assert "made from another image" in findings[0]["reason"]


def test_what_comes_out_different_is_found(verify: Verify, place: Path) -> None:
    _, run = open_existing_run(str(place / "outputs"), "images")
    link = build_chain(run.config, run.folder)["propose"]
    record, output = link.store.read("000", None)
    arrays = dict(output.arrays)
    arrays["altitudes"] = arrays["altitudes"] * np.float32(1.5)
    link.store.write(
        "000",
        None,
        Output(arrays, output.attributes),
        fingerprint=record.fingerprint,
        inputs=record.inputs,
        provenance=record.provenance,
    )
    assert verify()["status"] == 0
    found = verify(recompute=3)
    for finding in found["findings"]:  # of the prior too, which was made from what was there
        assert (finding["item"], finding["finding"]) == ("000", "differs")
    assert found["findings"][0]["store"].startswith("propose-")
    assert "altitudes" in found["findings"][0]["reason"]


def test_leftovers_are_told_and_removed_but_wrong_they_are_not(verify: Verify, place: Path) -> None:
    (group,) = place.glob("outputs/images/segment-*/000/6")
    (group / "0123456789ab").mkdir()
    (group / "0123456789ab" / "zarr.json").write_text("{}")
    (group.parent / "zarr.json.0123.partial").write_text("")
    found = verify()
    assert found["status"] == 0
    assert len(found["leftovers"]) == 2
    assert verify(repair=True)["status"] == 0
    assert verify()["leftovers"] == []


def test_what_can_be_read_without_the_dataset_is_read(
    verify: Verify, place: Path, tmp_path: Path
) -> None:
    recorded = place / "outputs/images/run.toml"
    recorded.write_text(recorded.read_text().replace("finished", "gone"))
    found = verify()
    assert (found["status"], found["results"]) == (0, 18)


def test_repair_waits_for_nobody(verify: Verify, place: Path) -> None:
    with (
        locked(open_folder(str(place / "outputs/images"))),
        pytest.raises(UserError, match="is working on this run"),
    ):
        verify(repair=True)


def test_findings_are_listed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in place.glob("outputs/images/segment-*/00?/6/*/labels/c/0/0"):
        path.write_bytes(path.read_bytes()[:-1])
    status = verify_run(VerifyOptions(outputs=str(place / "outputs"), device="cpu"))
    said = capsys.readouterr()
    assert status == 1
    assert said.out.count("damaged") == 3
    assert "18 results in 4 stores read back, 3 findings" in said.err
    assert "spam-pipe verify --repair" in said.err


def test_no_run_is_one_line(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="no runs there"):
        verify_run(VerifyOptions(outputs=str(tmp_path), device="cpu", as_json=True))
