"""Slices of a batch: four commands at once do what one does; those that clash are refused."""

import csv
import json
import os
import subprocess
import sys
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
from tests.conftest import PATIENCE, PROJECT

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
    said = [process.communicate(timeout=PATIENCE)[0] for process in shards]
    # Image 004 is the fifth of the sorted six: the first of four shards has it.
    assert [process.returncode for process in shards] == [1, 0, 0, 0], said
    assert all("`spam-pipe report` completes the run" in text for text in said), said
    assert run(n_superpixels="6,12")["failed"] == 1
    four = tmp_path / "parts" / "images"
    assert not (four / "report").exists()
    done = run("report", n_superpixels="6,12", outputs=str(tmp_path / "parts"), skip_failed=True)
    assert (done["computed"], done["complete"], done["skipped"]) == (0, 5, 1)
    for name in ("report/summary.csv", "failures.csv", "run.toml"):
        assert (four / name).read_bytes() == (folder / name).read_bytes(), name
    assert not list((four / ".locks").iterdir())
    made = [row for file in four.glob("events-*.csv") for row in read(file)]
    assert len([row for row in made if row["status"] == "made"]) == 5 * 2 * 2


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_shard_does_its_part_and_report_completes_the_run(run: Command, folder: Path) -> None:
    first, last = run(shard="1/2"), run(shard="2/2")
    assert (first["status"], first["n_items"], first["computed"]) == (0, 3, 3)
    assert (first["shard"], first["summary"]) == ("1/2", [])
    assert (last["computed"], last["summary"]) == (3, [])
    assert not (folder / "report").exists()
    whole = run("report")
    assert (whole["computed"], whole["complete"], whole["shard"]) == (0, 6, None)
    assert [row["n_images"] for row in whole["summary"]] == [6]


def test_report_completes_what_shards_left(run: Command, folder: Path) -> None:
    run(shard="2/3")
    whole = run("report")
    assert (whole["computed"], whole["complete"]) == (4, 2)
    assert [row["n_images"] for row in whole["summary"]] == [6]


def test_a_shard_is_of_the_limited_items(run: Command) -> None:
    assert run(limit=3, shard="2/2")["n_items"] == 1
    assert run(limit=3, shard="1/2")["n_items"] == 2
    assert run(limit=3, shard="4/4")["n_items"] == 0


def test_failures_of_shards_are_gathered_and_forgotten(
    run: Command, folder: Path, pictures: Path
) -> None:
    image = pictures / "images" / "001.png"
    content = image.read_bytes()
    image.write_bytes(b"damaged")
    assert run(shard="2/2")["failed"] == 1
    assert [row["item"] for row in read(folder / "failures-shard-2-of-2.csv")] == ["001"]
    assert run(shard="1/2")["failed"] == 0
    assert run(shard="2/2", skip_failed=True)["skipped"] == 1
    done = run("report", skip_failed=True)
    assert (done["status"], done["failed"], done["skipped"]) == (1, 0, 1)
    assert [row["item"] for row in read(folder / "failures.csv")] == ["001"]
    assert not (folder / "failures-shard-2-of-2.csv").exists()
    assert [row["n_failed"] for row in done["summary"]] == [1]
    image.write_bytes(content)
    mended = run(shard="2/2")
    assert (mended["status"], mended["computed"], mended["failed"]) == (0, 1, 0)
    run("report")
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


def test_shards_on_object_storage(run: Command, tmp_path: Path) -> None:
    url = f"memory://{tmp_path}"
    assert [run(shard=part, outputs=url)["computed"] for part in ("1/2", "2/2")] == [3, 3]
    done = run("report", outputs=url)
    assert [row["n_images"] for row in done["summary"]] == [6]
    assert run("evaluate", outputs=url)["complete"] == 6


def slurm(task: int, count: int, first: int, last: int) -> dict[str, str]:
    values = {"ID": task, "COUNT": count, "MIN": first, "MAX": last}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (slurm(1, 4, 1, 4), Shard(1, 4)),
        (slurm(3, 4, 0, 3), Shard(4, 4)),
        (slurm(20, 3, 10, 30), Shard(2, 3)),
        (slurm(7, 3, 3, 7), Shard(3, 3)),
        (slurm(1, 1, 1, 1), Shard(1, 1)),
        (slurm(0, 1, 0, 0), Shard(1, 1)),
    ],
)
def test_auto_takes_the_task_of_a_job_array(environment: dict[str, str], expected: Shard) -> None:
    assert parse_shard("auto", environment) == expected


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "SLURM_ARRAY_TASK_ID is not set: submit a job array"),
        ({**slurm(1, 4, 1, 4), "SLURM_ARRAY_TASK_MAX": "x"}, "SLURM_ARRAY_TASK_MAX is 'x'"),
        (slurm(3, 3, 1, 8), "its part of the run can't be told; submit all of an evenly spaced"),
        (slurm(9, 4, 1, 4), "its part of the run can't be told"),
        (slurm(2, 3, 1, 5), "its part of the run can't be told"),
        (slurm(7, 1, 7, 7), "task 7, one of 1 from 7 to 7: its part of the run can't be told"),
    ],
)
def test_auto_without_an_array_that_says_it(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_shard("auto", environment)


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
    assert [(each["n_items"], each["summary"]) for each in (first, last)] == [(3, [])] * 2
    assert sweep("parts", None)["summary"] == whole["summary"]
    for name, value in slurm(2, 3, 0, 2).items():
        monkeypatch.setenv(name, value)
    assert sweep("parts", "auto")["shard"] == "3/3"


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
        parse_shard(text)
    assert str(error.value) == message
