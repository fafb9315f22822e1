"""The command line as users meet it: help, errors in one line, statuses, interruption."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.commands.items import run_items
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.runs.lock import locked
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.store.folder import open_folder
from tests.conftest import PATIENCE, SpamPipe, draw_images, wait_until

Refused = Callable[..., str]

PLAIN = ("--prior", "none", "--set", "segment.network=none")
"""Colour and position alone: what these tests are about does not depend on the method."""


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """Run a command that must be refused; return the one line that says why."""

    def run(target: str, **options: object) -> str:
        with pytest.raises(UserError) as caught:
            run_items(target, Options(**{"outputs": str(tmp_path / "outputs"), **options}))  # type: ignore[arg-type]
        message = str(caught.value)
        assert "\n" not in message
        return message

    return run


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    code = "import spam_pipe.pipeline.cli.app, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    heavy = {"torch", "dask", "distributed", "zarr", "numba", "numpy", "pandas", "skimage"}
    assert not loaded & heavy


@pytest.mark.parametrize("command", ["status", "evaluate --dry-run"])
def test_looking_at_a_run_imports_nothing_that_computes(command: str, tmp_path: Path) -> None:
    outputs = str(tmp_path)
    assert run_items("segment", Options("sample", outputs=outputs, limit=1, quiet=True)) == 0
    code = (
        "import sys; from spam_pipe.pipeline.cli.app import app\n"
        f"app([*{command.split()!r}, '--outputs', {outputs!r}, '--json'], standalone_mode=False)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said, _, loaded = done.stdout.rpartition("}\n")
    assert json.loads(said + "}")["stages"]["segment"]["done"] == 2
    heavy = {"torch", "numba", "zarr", "numcodecs", "dask", "scipy.ndimage", "higra", "matplotlib"}
    assert not heavy & set(loaded.split())


def test_options_that_do_not_apply_are_absent(spam_pipe: SpamPipe) -> None:
    done = spam_pipe("prior", "--n-superpixels", "100")
    assert done.returncode == 2
    assert "--n-superpixels" in done.stderr


def test_the_version(spam_pipe: SpamPipe) -> None:
    assert spam_pipe("--version").stdout.startswith("spam-pipe 0.")


def test_an_error_is_one_line_and_status_2(spam_pipe: SpamPipe) -> None:
    done = spam_pipe("run", "--dataset", "bsdd")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "did you mean bsd" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "nowhere/at/all"}, "there is no such folder"),
        ({"dataset": "sample", "split": "tset"}, "tset"),
        ({"dataset": "sample", "prior": "gradiet"}, "gradient"),
        ({"dataset": "sample", "method": "spma"}, "spam"),
        ({"dataset": "sample", "assignments": ["segment.compactnes=5"]}, "did you mean"),
        ({"dataset": "sample", "n_superpixels": "0"}, "at least 1, not 0"),
        ({"dataset": "sample", "n_superpixels": "-5"}, "at least 1, not -5"),
        ({"dataset": "sample", "n_superpixels": "many"}, "whole numbers"),
        ({"dataset": "sample", "device": "cuda:63"}, "use --device cpu"),
        ({"dataset": "sample", "device": "gpu"}, "write auto, cpu, cuda"),
        ({"dataset": "sample", "run": "../up"}, "--run"),
        ({"dataset": "sample", "config": "none-such.toml"}, "no readable file"),
        ({"dataset": "sample", "masks": "none-such"}, "no such folder"),
        ({"dataset": "sample", "workers": 2, "scheduler": "tcp://x:1"}, "one of them"),
        ({"dataset": "sample", "prior": "masks"}, "masks"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    refused: Refused, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    assert message in refused("segment", **options)
    assert not (tmp_path / "outputs").exists()


def test_a_dataset_that_is_not_there_says_where_and_how(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPAM_DATA", str(tmp_path / "data"))
    message = refused("run", dataset="bsd")
    assert str(tmp_path / "data") in message
    assert "spam-pipe datasets fetch bsd" in message


def test_a_folder_without_images(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in refused("run", dataset=str(tmp_path / "empty"))


def test_outputs_that_cannot_be_written(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    message = refused("run", dataset="sample", outputs=str(tmp_path / "file" / "outputs"))
    assert "choose another place with --outputs" in message


def test_a_store_of_another_program(refused: Refused, tmp_path: Path, pictures: Path) -> None:
    given = {"dataset": str(pictures / "images"), "n_superpixels": "6", "quiet": True}
    outputs = str(tmp_path / "outputs")
    run_items("segment", Options(**given, outputs=outputs))  # type: ignore[arg-type]
    (root,) = Path(outputs).glob("images/segment-*.zarr/zarr.json")
    root.write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    assert "not a store of spam-pipe" in refused("segment", **given)


def test_files_that_are_no_images_fail_alone_and_by_name(
    spam_pipe: SpamPipe, pictures: Path
) -> None:
    images = pictures / "images"
    (images / "text.png").write_text("not a picture")
    whole = images / "photo.jpg"
    Image.effect_noise((64, 64), 50).convert("RGB").save(whole)
    whole.write_bytes(whole.read_bytes()[:700])
    done = spam_pipe("segment", "--dataset", str(images), "-k", "6", *PLAIN)
    assert done.returncode == 1
    assert "text.png" in done.stderr
    assert "photo.jpg" in done.stderr
    assert "6 computed" in done.stderr
    assert "2 failed" in done.stderr


def test_more_superpixels_than_pixels_are_clamped_with_a_note(
    spam_pipe: SpamPipe, tmp_path: Path
) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    Image.new("RGB", (3, 2), "red").save(folder / "a.png")
    done = spam_pipe("run", "--dataset", "tiny", "-k", "2,50", "-v", *PLAIN)
    assert done.returncode == 0, done.stderr
    assert "50 superpixels asked for, but 6 pixels" in done.stderr
    metrics = (tmp_path / "outputs/tiny/report/metrics.csv").read_text()
    assert ",50,6," in metrics


def test_two_commands_on_one_run(refused: Refused, tmp_path: Path) -> None:
    with locked(open_folder(str(tmp_path / "outputs" / "sample"))):
        message = refused("run", dataset="sample")
    assert f"process {os.getpid()} on {socket.gethostname()} is working on this run" in message
    assert "choose another --run" in message


def test_a_lock_of_a_dead_process_is_taken_over_with_a_line(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = open_folder(str(tmp_path / "outputs" / "images"))
    with locked(run):
        dead = {**json.loads(run.read(".locks/run-1") or b""), "started": "1"}
    run.write(".locks/run-1", json.dumps(dead).encode())
    options = Options(dataset=str(pictures / "images"), n_superpixels="6", quiet=True)
    given = {**vars(options), "outputs": str(tmp_path / "outputs")}
    assert run_items("segment", Options(**given)) == 0
    assert "took over the lock of process" in capsys.readouterr().err
    assert run.names(".locks") == []


def test_the_run_used_last_goes_on(spam_pipe: SpamPipe, pictures: Path) -> None:
    spam_pipe("segment", "--dataset", str(pictures / "images"), "-k", "6", *PLAIN)
    done = spam_pipe("evaluate")
    assert done.returncode == 0
    assert "continuing run images" in done.stderr
    assert "K = 6" in done.stderr
    mistaken = spam_pipe("report", "--run", "imagse")
    assert mistaken.returncode == 2
    assert "--run imagse: not in" in mistaken.stderr
    assert "did you mean images?" in mistaken.stderr


@pytest.mark.parametrize("option", ["segment.weights", "propose.contour.weights"])
def test_weights_that_are_not_there_fail_once(
    spam_pipe: SpamPipe, pictures: Path, tmp_path: Path, option: str
) -> None:
    given = ("--dataset", str(pictures / "images"), "--set", f"{option}=nothing.safetensors")
    done = spam_pipe("run", *given)
    assert done.returncode == 2
    assert f"error: {option}: weights nothing.safetensors: no such file" in done.stderr
    assert "shipped weights: efficientunet, ssn, trunk" in done.stderr
    assert not list(tmp_path.glob("outputs/*/failures.csv"))


def test_dry_run_says_what_and_does_nothing(
    spam_pipe: SpamPipe, pictures: Path, tmp_path: Path
) -> None:
    given = ("run", "--dataset", str(pictures / "images"), "-k", "6,12", "--dry-run")
    shown = spam_pipe(*given)
    assert re.search(r"evaluate +│ +0 │ +0 │ +0 │ +12", shown.stdout)
    found = json.loads(spam_pipe(*given, "--json").stdout)
    assert found["stages"]["evaluate"] == {"done": 0, "stale": 0, "failed": 0, "todo": 12}
    assert not (tmp_path / "outputs").exists()


def test_quiet_prints_errors_only(spam_pipe: SpamPipe, pictures: Path) -> None:
    done = spam_pipe("run", "--dataset", str(pictures / "images"), "-k", "6", "-q", *PLAIN)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_status_counts_every_stage(spam_pipe: SpamPipe, pictures: Path) -> None:
    spam_pipe("segment", "--dataset", str(pictures / "images"), "-k", "6", "--limit", "4", *PLAIN)
    found = json.loads(spam_pipe("status", "--json").stdout)
    assert found["stages"]["segment"] == {"done": 4, "stale": 0, "failed": 0, "todo": 2}
    assert found["stages"]["evaluate"]["todo"] == 6
    assert "run images" in spam_pipe("status").stdout


def test_status_tells_the_options_and_what_is_done_of_each_method(
    spam_pipe: SpamPipe, pictures: Path
) -> None:
    images = str(pictures / "images")
    spam_pipe("segment", "--dataset", images, "-k", "6,8", "--method", "grid", "--limit", "4")
    spam_pipe("evaluate", "-k", "6", "--method", "voronoi", "--workers", "0")
    found = json.loads(spam_pipe("status", "--json").stdout)
    assert found["options"] == {"n_superpixels": [6], "segment.method": "voronoi"}
    rows = {(row.pop("method"), row.pop("unit")): row for row in found["methods"]}
    none = {"n_images": 6, "stale": 0, "failed": 0}
    assert rows == {
        ("grid, no prior", 6): none | {"segmented": 4, "measured": 0},
        ("grid, no prior", 8): none | {"segmented": 4, "measured": 0},
        ("voronoi, no prior", 6): none | {"segmented": 6, "measured": 6},
    }
    shown = spam_pipe("status").stdout
    assert "options that are no defaults: n_superpixels=[6], segment.method=voronoi" in shown
    assert re.search(r"grid, no prior +│ +6 │ +4 of 6 │ +0 of 6 │", shown)


def test_other_numbers_than_asked_for_and_too_many_workers_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = draw_images(tmp_path / "drawn", 1, size=(8, 12)) / "images"
    pieces = np.zeros((8, 12), np.uint8)
    pieces[::2, ::2] = 255
    Image.fromarray(pieces).save(tmp_path / "pieces.png")
    given = {"prior": "none", "method": "slic-masked", "outputs": str(tmp_path / "outputs")}
    options = {"dataset": str(images), "valid": str(tmp_path / "pieces.png"), **given}
    assert run_items("segment", Options(n_superpixels="5,5000", **options)) == 0  # type: ignore[arg-type]
    said = capsys.readouterr().err
    assert "24 superpixels where 5 were asked for: every separate piece" in said
    assert "so with 1 more results (--verbose lists them)" in said
    many = Options(n_superpixels="5", workers=10_000, dry_run=True, **options)  # type: ignore[arg-type]
    assert run_items("segment", many) == 0
    assert re.search(r"--workers 10000: this machine gives \d+ cores", capsys.readouterr().err)


def test_status_without_runs(spam_pipe: SpamPipe) -> None:
    done = spam_pipe("status")
    assert done.returncode == 2
    assert "no runs there" in done.stderr


def test_doctor_and_datasets_tell_programs_too(spam_pipe: SpamPipe) -> None:
    examined = json.loads(spam_pipe("doctor", "--json").stdout)
    assert examined["packages"]["zarr"]
    assert "cpu" in examined["devices"]
    assert spam_pipe("doctor").returncode == 0
    listed = json.loads(spam_pipe("datasets", "--json").stdout)
    assert listed["sample"]["splits"]["all"]["items"] == 18


def test_export_writes_what_was_made(spam_pipe: SpamPipe, pictures: Path, tmp_path: Path) -> None:
    given = ("--dataset", str(pictures / "images"), "-k", "6,12", "--prior", "gradient")
    spam_pipe("segment", *given)
    for what, form, count in (
        ("labels", "png", 12),
        ("labels", "coco", 12),
        ("labels", "tiff", 12),
        ("objects", "npy", 6),
        ("overlays", "png", 12),
        ("object-overlays", "png", 6),
    ):
        folder = tmp_path / f"{what}-{form}"
        done = spam_pipe("export", str(folder), "--what", what, "--format", form, "--json")
        assert json.loads(done.stdout)["written"] == count, done.stderr
        assert sum(path.is_file() for path in folder.rglob("*")) == count
    exported = Image.open(tmp_path / "labels-png/labels/12/003.png")
    assert exported.size == (60, 40)
    assert exported.getextrema() == (1, 12)


def test_export_of_what_is_not_there(spam_pipe: SpamPipe, pictures: Path) -> None:
    spam_pipe("segment", "--dataset", str(pictures / "images"), "-k", "6", *PLAIN)
    done = spam_pipe("export", "to", "--what", "objects")
    assert done.returncode == 2
    assert "no prior" in done.stderr
    done = spam_pipe("export", "to", "-k", "7")
    assert done.returncode == 2
    assert "spam-pipe segment" in done.stderr


@pytest.mark.parametrize("workers", ["0", "2"])
def test_ctrl_c_stops_after_the_item_at_hand_and_the_command_goes_on(
    spam_pipe: SpamPipe, tmp_path: Path, pictures: Path, workers: str
) -> None:
    images = pictures / "images"
    for number in range(300):
        shutil.copy(images / "000.png", images / f"copy-{number:03d}.png")
    given = ["segment", "--dataset", str(images), "-k", "6", *PLAIN, "--workers", workers]
    process = subprocess.Popen(
        [sys.executable, "-m", "spam_pipe", *given],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(
        lambda: list(tmp_path.glob("outputs/images/segment-*.zarr/*/6/zarr.json")),
        still_possible=lambda: process.poll() is None,
    )
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "stopping after the items at hand" in said
    assert "the same command goes on from here" in said
    done = int(re.search(r"(\d+) computed", said).group(1))  # type: ignore[union-attr]
    stored = list(tmp_path.glob("outputs/images/segment-*.zarr/*/6/zarr.json"))
    assert 1 <= done == len(stored) < 306
    assert "0 failed" not in said
    again = spam_pipe(*given[:-1], "0")
    assert again.returncode == 0
    assert f"{306 - done} computed, {done} up to date" in again.stderr
