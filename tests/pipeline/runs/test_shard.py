"""Slices of a batch: four commands at once do what one does; those that clash are refused."""

import csv
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spam_pipe.pipeline.commands.sweep import run_sweep
from spam_pipe.pipeline.errors import ConfigError, UserError
from spam_pipe.pipeline.runs.failures import Failures
from spam_pipe.pipeline.runs.lock import locked
from spam_pipe.pipeline.runs.shard import Shard, parse_shard
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.store.folder import LocalFolder
from tests.conftest import PROJECT

Command = Callable[..., dict[str, Any]]


def arguments(pictures: Path, outputs: Path, *more: str) -> list[str]:
    data = ["--dataset", str(pictures / "images"), "--ground-truth", str(pictures / "truth")]
    method = ["--method", "slic", "--prior", "none", "-k", "6,12"]
    return ["run", *data, *method, "--outputs", str(outputs), "--device", "cpu", *more]


@pytest.fixture
def run(command: Command, pictures: Path) -> Command:
    def on_pictures(target: str = "run", **options: Any) -> dict[str, Any]:
        chosen = {
            "dataset": str(pictures / "images"),
            "ground_truth": str(pictures / "truth"),
            "n_superpixels": "6",
            "method": "slic",
            "prior": "none",
        }
        return command(target, **{**chosen, **options})

    return on_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outputs" / "images"


def test_four_processes_at_once_do_what_one_does(
    run: Command, pictures: Path, tmp_path: Path, folder: Path
) -> None:
    (pictures / "images" / "004.png").write_bytes(b"damaged")
    environment = {**os.environ, "COLUMNS": "100", "OMP_NUM_THREADS": "1"}

    def start(shard: str) -> subprocess.Popen[str]:
        words = arguments(pictures, tmp_path / "parts", "--shard", shard)
        return subprocess.Popen(
            [sys.executable, "-m", "spam_pipe", *words],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    shards = [start(f"{number}/4") for number in (1, 2, 3, 4)]
    said = [process.communicate(timeout=240)[0] for process in shards]
    # Image 004 is the fifth of the sorted six: the first of four shards has it.
    assert [process.returncode for process in shards] == [1, 0, 0, 0], said
    assert run(n_superpixels="6,12")["failed"] == 1
    four = tmp_path / "parts" / "images"
    for name in ("report/summary.csv", "failures.csv", "run.toml"):
        assert (four / name).read_bytes() == (folder / name).read_bytes(), name
    completed = [text for text in said if "was the last: the run is complete" in text]
    assert completed, said
    assert not list((four / ".locks").iterdir())
    made = [row for file in four.glob("events-*.csv") for row in read(file)]
    assert len([row for row in made if row["status"] == "made"]) == 5 * 2 * 2


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_the_last_shard_completes_the_run(run: Command, folder: Path) -> None:
    first = run(shard="1/2")
    assert (first["status"], first["n_items"], first["computed"]) == (0, 3, 3)
    assert (first["shard"], first["completes_run"], first["summary"]) == ("1/2", False, [])
    assert not (folder / "report").exists()
    last = run(shard="2/2")
    assert (last["computed"], last["completes_run"]) == (3, True)
    assert [row["n_images"] for row in last["summary"]] == [6]
    report = (folder / "report" / "summary.csv").read_bytes()
    whole = run("report")
    assert (whole["computed"], whole["complete"], whole["shard"]) == (0, 6, None)
    assert (folder / "report" / "summary.csv").read_bytes() == report


def test_report_completes_what_shards_left(run: Command, folder: Path) -> None:
    run(shard="2/3")
    whole = run("report")
    assert (whole["computed"], whole["complete"]) == (4, 2)
    assert [row["n_images"] for row in whole["summary"]] == [6]


def test_a_shard_is_of_the_limited_items(run: Command) -> None:
    assert run(limit=3, shard="2/2")["n_items"] == 1
    assert run(limit=3, shard="1/2")["completes_run"] is True
    assert run(limit=3, shard="4/4")["n_items"] == 0


def test_failures_of_shards_are_gathered_and_forgotten(
    run: Command, folder: Path, pictures: Path
) -> None:
    image = pictures / "images" / "001.png"
    content = image.read_bytes()
    image.write_bytes(b"damaged")
    assert run(shard="2/2")["failed"] == 1
    assert [row["item"] for row in read(folder / "failures-shard-2-of-2.csv")] == ["001"]
    done = run(shard="1/2")
    assert (done["status"], done["failed"], done["completes_run"]) == (0, 0, True)
    assert [row["item"] for row in read(folder / "failures.csv")] == ["001"]
    assert not (folder / "failures-shard-2-of-2.csv").exists()
    assert [row["n_failed"] for row in done["summary"]] == [1]
    assert run(shard="2/2", skip_failed=True)["skipped"] == 1
    image.write_bytes(content)
    mended = run(shard="2/2")
    assert (mended["status"], mended["failed"], mended["completes_run"]) == (0, 0, True)
    assert read(folder / "failures.csv") == []


def test_a_whole_command_takes_the_shards_failures_over(
    run: Command, folder: Path, pictures: Path
) -> None:
    Image.new("L", (3, 3)).save(pictures / "truth" / "001.png")
    run(shard="2/2")
    assert (folder / "failures-shard-2-of-2.csv").exists()
    assert run("segment", skip_failed=True)["failed"] == 0
    assert [row["item"] for row in read(folder / "failures.csv")] == ["001"]
    assert not (folder / "failures-shard-2-of-2.csv").exists()


def test_a_shard_dies_in_the_middle_and_another_command_sees_its_failures(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path)
    header = b"stage,item,kind,reason,store\n"
    folder.write("failures.csv", header + b"segment,a,E,why,s.zarr\n")
    folder.write("failures-shard-1-of-2.csv", header + b"segment,b,E,why,s.zarr\n")
    known = Failures(folder, "shard-2-of-2")
    assert {item for _, item in known.items} == {"a", "b"}
    known.save()
    assert folder.read("failures-shard-2-of-2.csv") is None  # it has none of its own
    assert Failures(folder).shards == ["shard-1-of-2"]


@pytest.mark.parametrize(
    ("held", "shard"),
    [("shard-1-of-2", "1/2"), ("shard-1-of-3", "1/2"), ("run", "1/2"), ("shard-2-of-2", None)],
)
def test_what_clashes_is_refused(run: Command, folder: Path, held: str, shard: str | None) -> None:
    run("segment", limit=1)
    with (
        locked(LocalFolder(folder), key=held),
        pytest.raises(UserError, match=f"process {os.getpid()} on .* is working on this run; wait"),
    ):
        run(shard=shard)


def test_shards_of_one_division_work_beside_each_other(run: Command, folder: Path) -> None:
    run("segment", limit=1)
    with locked(LocalFolder(folder), key="shard-1-of-2"):
        assert run(shard="2/2")["computed"] == 3


def test_of_shards_that_end_at_once_one_waits_and_the_others_leave(
    run: Command, folder: Path
) -> None:
    run(shard="1/2")
    with locked(LocalFolder(folder), key="next-completing"):
        assert run(shard="2/2")["completes_run"] is False
    assert not (folder / "report").exists()
    held, ended = threading.Event(), threading.Event()

    def complete() -> None:
        with locked(LocalFolder(folder), key="completing"):
            held.set()
            while not list((folder / ".locks").glob("next-completing-*")):
                time.sleep(0.01)
            ended.set()

    other = threading.Thread(target=complete)
    other.start()
    held.wait()
    assert run(shard="2/2")["completes_run"] is True
    assert ended.is_set()
    other.join()
    assert (folder / "report" / "summary.csv").exists()


def test_shards_on_object_storage(run: Command, tmp_path: Path) -> None:
    url = f"memory://{tmp_path}"
    assert run(shard="1/2", outputs=url)["completes_run"] is False
    done = run(shard="2/2", outputs=url)
    assert done["completes_run"] is True
    assert [row["n_images"] for row in done["summary"]] == [6]
    assert run("evaluate", outputs=url)["complete"] == 6


def test_a_task_of_a_job_array_sent_again_does_its_own_part(
    run: Command, folder: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pictures / "images" / "002.png"
    content = image.read_bytes()
    image.write_bytes(b"damaged")
    for task in (1, 2, 3):
        set_array_task(monkeypatch, task, 3, 1, 3)
        assert run(shard="auto")["shard"] == f"{task}/3"
    image.write_bytes(content)
    set_array_task(monkeypatch, 3, 1, 3, 3)
    assert run(shard="auto", dry_run=True)["stages"]["segment"]["failed"] == 1
    again = run(shard="auto")
    assert (again["shard"], again["n_items"], again["computed"]) == ("3/3", 2, 1)
    assert again["completes_run"] is True
    set_array_task(monkeypatch, 4, 1, 4, 4)
    with pytest.raises(ConfigError, match=r"task 4, one of 1 .* may be a part of --array=1-3"):
        run(shard="auto")


def set_array_task(
    monkeypatch: pytest.MonkeyPatch, task: int, count: int, first: int, last: int
) -> None:
    values = {"ID": task, "COUNT": count, "MIN": first, "MAX": last}
    for name, value in values.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", str(value))


def test_a_dry_run_and_a_refused_task_leave_what_divides_the_run(
    run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_array_task(monkeypatch, 1, 2, 1, 2)
    run(shard="auto", dry_run=True)
    assert not (folder / "job-array.json").exists()
    run("segment", limit=1)
    with locked(LocalFolder(folder), key="shard-2-of-3"), pytest.raises(UserError):
        run(shard="auto")
    assert not (folder / "job-array.json").exists()


def test_shards_of_a_sweep(
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "small.toml"
    file.write_text(
        '[base]\nn_superpixels = [6]\npropose.source = "none"\n[[axis]]\n'
        'key = "segment.method"\nvalues = ["grid", "slic"]\n'
    )
    given = {
        "dataset": str(pictures / "images"),
        "ground_truth": str(pictures / "truth"),
        "device": "cpu",
        "as_json": True,
    }

    def sweep(outputs: str, shard: str | None) -> dict[str, Any]:
        capsys.readouterr()
        options = Options(outputs=str(tmp_path / outputs), shard=shard, **given)
        assert run_sweep(str(file), options) == 0
        (done,) = json.loads(capsys.readouterr().out)["runs"]
        return dict(done)

    whole = sweep("whole", None)
    first, last = sweep("parts", "1/2"), sweep("parts", "2/2")
    assert (first["n_items"], first["completes_run"], first["summary"]) == (3, False, [])
    assert (last["n_items"], last["completes_run"]) == (3, True)
    assert last["summary"] == whole["summary"]
    set_array_task(monkeypatch, 2, 3, 0, 2)
    assert sweep("parts", "auto")["shard"] == "3/3"
    set_array_task(monkeypatch, 1, 1, 1, 1)
    assert sweep("parts", "auto")["shard"] == "2/3"


def test_all_items_are_divided() -> None:
    for count in (1, 3, 4, 9):
        own = [place for number in range(count) for place in Shard(number + 1, count).slice(7)]
        assert sorted(own) == list(range(7))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5/4", "--shard 5/4: there is no such part: write 1/4 to 4/4"),
        ("0/4", "--shard 0/4: there is no such part: write 1/4 to 4/4"),
        ("1/0", "--shard 1/0: there is no such part: write 1/1 to 1/1"),
        ("2 of 4", "--shard 2 of 4: write i/n, such as 2/4, or auto in a SLURM job array"),
        ("-1/4", "--shard -1/4: write i/n, such as 2/4, or auto in a SLURM job array"),
    ],
)
def test_parts_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_shard(text, LocalFolder(Path("nowhere")))
    assert str(error.value) == message
