"""Every command's page of help, at 80 columns, and what a shell completes."""

import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from spam_pipe.pipeline.cli.app import app
from spam_pipe.pipeline.cli.examples import command_lines, examples
from spam_pipe.pipeline.cli.help import MOST

BUILT: Any = typer.main.get_command(app)
"""All commands, which Typer builds anew at each call otherwise."""


def _commands() -> Iterator[str]:
    def below(command: object, path: str) -> Iterator[str]:
        yield path
        for name, each in getattr(command, "commands", {}).items():
            yield from below(each, f"{path} {name}".strip())

    return below(BUILT, "")


COMMANDS = list(_commands())


def _command(words: list[str]) -> Any:
    """Return the command that words begin with, and leave its arguments in them."""
    at = BUILT
    while words and words[0] in getattr(at, "commands", {}):
        at = at.commands[words.pop(0)]
    return at


def _page(*words: str) -> str:
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(io.StringIO()) as shown:
        patched.setenv("COLUMNS", "80")
        assert not BUILT.main([*words], prog_name="spam-pipe", standalone_mode=False)
    return shown.getvalue()


def _options(page: str) -> list[str]:
    return re.findall(r"^│ +(--[a-z][\w-]*)", page, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_first_view_is_short_and_says_every_default(command: str) -> None:
    page = _page(*command.split(), "--help")
    assert max(len(line) for line in page.splitlines()) <= 80
    assert len(_options(page)) <= MOST
    assert not re.search(r"<\w+|fsspec|None", page)
    at = _command(command.split())
    for each in at.params:
        if each.param_type_name == "option" and not each.is_flag:
            assert "[default: " in each.help or (each.show_default and each.default is not None)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_page_ends_in_examples_that_parse(command: str) -> None:
    page = _page(*command.split(), "--help")
    assert "Examples" in page
    assert max(map(len, re.sub(r"\[/?\w+\]", "", examples(command)).splitlines())) <= 78
    for line in command_lines(command):
        assert line in page
        words = line.split()[1:]
        _command(words).make_context("spam-pipe", words)


def test_help_all_shows_what_the_first_view_leaves_out() -> None:
    first, everything = _options(_page("run", "--help")), _options(_page("run", "--help-all"))
    assert set(first) - set(everything) == {"--help-all"}
    assert {"--bands", "--shard", "--seed", "--json", "--quiet"} <= set(everything) - set(first)


def _completed(words: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(folder)
    line = f"spam-pipe {words}"
    env = {
        "_SPAM_PIPE_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - (not line.endswith(" "))),
    }
    return CliRunner(env=env).invoke(app, [], prog_name="spam-pipe").output.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("run --method sna", []),
        ("run --method spam-", ["spam-ssn", "spam-nested"]),
        ("run --prior sam", ["sam", "sam+contour"]),
        ("run sbd", ["sbd"]),
        ("run pho", ["photos/"]),
        ("run photos/", ["photos/a.png"]),
        ("segment --dataset nyu", ["nyuv2"]),
        ("sweep prior", ["prior-ablation"]),
        ("run --config bs", ["bsd"]),
        ("train --config train-s", ["train-ssn"]),
        ("status --run mi", ["mine"]),
        ("status --outputs others --run ", ["theirs"]),
        ("datasets fetch n", ["nyuv2"]),
        ("weights show tr", ["trunk"]),
        ("run --set segment.compact", ["segment.compactness="]),
        ("run --device cu", ["cuda", "cuda:0"]),
        ("export to --what sal", ["saliency"]),
    ],
)
def test_a_shell_completes(
    words: str, offered: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "photos/a.png")
    for run in ("outputs/mine", "others/theirs"):
        (tmp_path / run).mkdir(parents=True)
        (tmp_path / run / "run.toml").write_text("")
    monkeypatch.delenv("SPAM_OUTPUTS", raising=False)
    assert _completed(words, tmp_path, monkeypatch) == [
        each for each in offered if each.startswith(words.rpartition(" ")[2])
    ]
