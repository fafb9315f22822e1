"""What the command line says: in any encoding, in one line, as JSON, in words of its own."""

import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from spam_pipe.pipeline.cli import app as command_line
from spam_pipe.pipeline.cli.app import main

Call = Callable[..., tuple[int, str, str]]

BUILT: Any = typer.main.get_command(command_line.app)
"""All commands, which Typer builds anew at each call otherwise."""

LIBRARIES = (
    "Traceback", "Value error", "Input should", "invalid literal", "could not convert", "pydantic",
    "urllib3", "botocore", "validation error", "object at 0x", "RuntimeError", "Errno", "NoneType",
)  # fmt: skip
"""Words of libraries, which say nothing to the person who typed the option."""


RUN = ("run", "photos", "--method", "grid", "-k", "4,6", "-q")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two photos, one with a name in many letters, and a run of them."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "photos").mkdir()
    for number, name in enumerate(("a", "été–日本…")):
        image = Image.effect_noise((24, 16), 60 + number).convert("RGB")
        image.save(folder / "photos" / f"{name}.png")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setattr(sys, "argv", ["spam-pipe", *RUN])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 0
    return folder


@pytest.fixture
def call(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call the command line as a shell does, in a copy of that folder; status and streams."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPAM_OUTPUTS", raising=False)
    monkeypatch.setenv("SPAM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(command_line, "app", BUILT)

    def run(*words: str, encoding: str = "utf-8") -> tuple[int, str, str]:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding, errors="strict") for _ in range(2)]
        monkeypatch.setattr(sys, "argv", ["spam-pipe", *words])
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        finally:
            monkeypatch.setattr(sys, "stdout", sys.__stdout__)
            monkeypatch.setattr(sys, "stderr", sys.__stderr__)
        said = []
        for stream in streams:
            stream.flush()
            said.append(stream.buffer.getvalue().decode(encoding))  # type: ignore[attr-defined]
        return status, said[0], said[1]

    return run


EVERYWHERE = ("run --help-all", "status", "export to --what table", "run none–such")
BUT_ONCE = (
    "--help", "export --help", "datasets", "weights", "verify", "annotate none–such.csv",
    "run photos --method grid -k 5000 -v",
)  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp932", "cp1252"])
def test_any_encoding_does(call: Call, encoding: str) -> None:
    for words in EVERYWHERE + BUT_ONCE * (encoding == "ascii"):
        status, out, err = call(*words.split(), encoding=encoding)
        assert status == 2 if "none" in words else status in {0, 1}, (words, err)
        assert out or err
    _, _, err = call("run", "none–such…", encoding=encoding)
    assert ("none-such..." if encoding in {"ascii", "latin-1"} else "none") in err
    _, out, _ = call("export", "to", "--what", "graph", "--json", encoding=encoding)
    assert json.loads(out)["written"] >= 4


@pytest.mark.parametrize(
    "words",
    [
        "run nowhere/at/all", "run --bogus", "bogus", "status --run bogus", "status --limit x",
        "export to --what bogus", "export to -k 7", "verify --outputs nowhere", "annotate",
        "weights show bogus", "weights fetch bogus", "sweep bogus",
        "segment --method spma", "report --set a.b=c", "serve nowhere", "prior --prior bogus",
    ],
)  # fmt: skip
def test_errors_are_one_line_or_json(call: Call, words: str) -> None:
    status, out, err = call(*words.split())
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    status, out, err = call(*words.split(), "--json")
    found = json.loads(out)
    assert (status, found["status"], err) == (2, 2, "")
    assert found["error"]


def _options() -> list[tuple[str, str]]:
    def below(command: Any, path: str) -> list[tuple[str, str]]:
        found = [
            (path, each.opts[0])
            for each in command.params
            if each.param_type_name == "option" and not each.is_flag
        ]
        for name, each in getattr(command, "commands", {}).items():
            found += below(each, f"{path} {name}".strip())
        return found

    return below(BUILT, "")


BASE = {
    "run": "run photos --method grid -k 4 --dry-run",
    "segment": "segment --dry-run",
    "propose": "propose --dry-run",
    "prior": "prior --dry-run",
    "evaluate": "evaluate --dry-run",
    "report": "report --dry-run",
    "sweep": "sweep prior-ablation --dataset photos --dry-run",
    "serve": "serve nowhere",
    "demo": "demo --help",
    "train": "train --dataset photos",
    "export": "export to",
    "annotate": "annotate nowhere.csv",
    "datasets fetch": "datasets fetch bogus",
    "weights export": "weights export bogus",
    "weights fetch": "weights fetch bogus",
}
WRONG = ("-1", "x,y", "nan", "9" * 30, "~nobody-here/x", "no=such=thing", "é: …", "")


def _wrong_values() -> dict[str, list[tuple[str, str]]]:
    """Return per command what to try: an option that others have too, in full but once."""
    tried: set[str] = set()
    values: dict[str, list[tuple[str, str]]] = {}
    for command, option in sorted(_options(), key=lambda pair: pair[0] != "run"):
        few = WRONG[3:4] if option in tried else WRONG
        if command != "doctor":  # which looks at all packages each time
            values.setdefault(command, []).extend((option, value) for value in few)
        tried.add(option)
    return values


@pytest.mark.parametrize("command", sorted(_wrong_values()))
def test_wrong_values_are_told_in_words_of_ours(call: Call, command: str) -> None:
    for option, value in _wrong_values()[command]:
        status, out, err = call(*BASE.get(command, command).split(), option, value)
        assert status in {0, 1, 2}
        for word in LIBRARIES:
            assert word not in out + err, (option, value, err)
        if status == 2:
            assert re.fullmatch(r"(.*\n)*error: [^\n]+\n", err), (option, value, err)


def test_a_storage_that_refuses_is_one_line(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs", reason="needs the extra s3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    status, _, err = call("status", "--outputs", "s3://bucket-of-nobody/runs")
    assert status == 2
    assert err.startswith("error: s3://bucket-of-nobody/runs: the storage needs credentials")
    assert err.count("\n") == 1
