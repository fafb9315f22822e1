"""A short fuzz of every reader, and what long ones found."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from spam_pipe.pipeline.errors import UserError
from tests.conftest import PROJECT
from tests.fuzz.child import find, make_input
from tests.fuzz.readers import READERS, inputs_of

CORPUS = Path(__file__).with_name("corpus")
FINDS = sorted(path for path in CORPUS.glob("*/*") if path.is_file())

QUICK = 400
"""Inputs over all readers but those that take long to import."""

TORCH = {"weights", "checkpoint", "checkpoint-sam", "checkpoint-dino", "training-state"}


def _require(reader):
    if reader.missing:
        pytest.skip(f"{reader.needs} is not installed")


def test_the_corpus_is_small():
    assert sum(path.stat().st_size for path in FINDS) < 100_000
    assert {path.parent.name for path in FINDS} <= READERS.keys()


@pytest.mark.parametrize("path", FINDS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_found_once(path, tmp_path):
    reader = READERS[path.parent.name]
    _require(reader)
    assert find(reader, path.read_bytes(), tmp_path / "input") is None


@pytest.mark.parametrize("name", READERS)
def test_what_mutations_start_from_is_read(name, tmp_path, monkeypatch):
    reader = READERS[name]
    _require(reader)
    read = 0
    for number, content in enumerate(reader.seeds()):
        path = tmp_path / str(number) / f"input{reader.suffix}"
        path.parent.mkdir()
        path.write_bytes(content)
        monkeypatch.chdir(path.parent)  # put back at the end, wherever the reader goes
        with suppress(ValueError, UserError):  # a seed may be refused as a whole
            reader.read(path)
            read += 1
    assert read


def test_equal_seeds_give_equal_inputs():
    contents = READERS["masks-json"].seeds()
    made = [make_input("masks-json", 7, index, contents) for index in range(20)]
    assert made == [make_input("masks-json", 7, index, contents) for index in range(20)]
    assert len(set(made)) > 15


def test_every_reader_gets_inputs():
    assert sum(inputs_of(name, 10_000) for name in READERS) >= 10_000


@pytest.mark.parametrize("name", sorted(READERS.keys() - TORCH))
def test_quick_fuzz(name, tmp_path, monkeypatch):
    _require(READERS[name])
    contents = READERS[name].seeds()
    found = {}
    for index in range(inputs_of(name, QUICK)):
        monkeypatch.chdir(tmp_path)
        content = make_input(name, 0, index, contents)
        if finding := find(READERS[name], content, tmp_path / "input"):
            found[index] = finding
    assert not found


def test_a_crash_is_a_finding_and_the_rest_is_read(tmp_path):
    """The process that reads ends at input 1; its parent goes on with input 2."""
    code = (
        "import os, sys\n"
        "from tests.fuzz import __main__ as fuzzing, child, readers\n"
        "from tests.fuzz.mutate import mutate_text\n"
        "def read(path):\n"
        f"    count = len(os.listdir({str(tmp_path)!r}))\n"
        f"    open({str(tmp_path)!r} + '/' + str(count), 'w').close()\n"
        "    if count == 2: os._exit(139)\n"
        "    if count == 4: raise KeyError('x')\n"
        "readers.READERS['test'] = readers.Reader('.x', lambda: [b'a'], mutate_text, read)\n"
        "sys.argv = ['child', *sys.argv[1:]]\n"
        "child.main()\n"
    )
    script = tmp_path.parent / "crashing_child.py"
    script.write_text(code)
    ended = [
        subprocess.run(
            [sys.executable, script, "test", "0", str(first), "5"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        for first in (0, 2)
    ]
    assert ended[0].returncode == 139
    assert json.loads(ended[0].stdout.splitlines()[-1]) == {"begin": 1}
    findings = [json.loads(line).get("finding") for line in ended[1].stdout.splitlines()]
    assert [each for each in findings if each] == [f"KeyError: 'x' in {script.name}:8"]
