"""Storage that fails for a moment, for good, or is no folder where one is looked for."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spam_pipe.pipeline.store.folder import Folder, open_folder
from tests.chaos.faulty_storage import PROTOCOL, FaultyFileSystem
from tests.conftest import PATIENCE

OPERATIONS: dict[str, Callable[[Folder], object]] = {
    "read": lambda folder: folder.read("a/b"),
    "read many": lambda folder: folder.read_many(["a/b", "a/c"]),
    "write": lambda folder: folder.write("a/d", b"d"),
    "write many": lambda folder: folder.write_many({"a/d": b"d", "a/e": b"e"}),
    "create": lambda folder: folder.create("a/f", b"f"),
    "append": lambda folder: folder.append("log.csv", b"1\n", b"n\n"),
    "names": lambda folder: folder.names("a"),
    "delete": lambda folder: folder.delete("a"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = open_folder(f"{PROTOCOL}://{tmp_path}")
    made.write("a/b", b"b")
    made.write("a/c", b"c")
    yield made
    FaultyFileSystem.fails_next = 0
    FaultyFileSystem.puts_left = None


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_storage_that_fails_twice_is_asked_again(folder: Folder, name: str) -> None:
    FaultyFileSystem.fails_next = 2
    OPERATIONS[name](folder)
    assert FaultyFileSystem.fails_next == 0
    if name == "write many":
        assert folder.read_many(["a/d", "a/e", "a/z"]) == [b"d", b"e", None]


def test_a_storage_that_goes_on_failing_is_an_error(folder: Folder) -> None:
    FaultyFileSystem.fails_next = 100
    with pytest.raises(OSError, match="Input/output"):
        folder.read("a/b")
    assert FaultyFileSystem.fails_next == 96


def test_a_refusal_is_not_asked_again(folder: Folder) -> None:
    FaultyFileSystem.puts_left = 0
    with pytest.raises(PermissionError):
        folder.write("a/d", b"d")


@pytest.mark.parametrize("scheme", ["", f"{PROTOCOL}://"])
def test_below_a_file_there_is_nothing(tmp_path: Path, scheme: str) -> None:
    (tmp_path / "file").write_text("")
    folder = open_folder(f"{scheme}{tmp_path}")
    assert folder.read("file/b") is None
    assert folder.read_many(["file/b", "file"]) == [None, b""]


def test_a_storage_without_room_is_one_line(tmp_path: Path, pictures: Path) -> None:
    # Files end at so many bytes: enough for a lock, too few for run.toml.
    done = subprocess.run(
        [sys.executable, "-m", "spam_pipe", "segment", "--dataset", str(pictures / "images")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600)),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert "File too large" in last
    assert "run the command again" in last
    assert "Traceback" not in done.stderr
