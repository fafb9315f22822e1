"""What a person sees of the work while it runs."""

import io

import pytest
from rich.console import Console

from spam_pipe.pipeline.commands.teller import Teller
from spam_pipe.pipeline.running.progress import Bar, Lines, _Counting, spinner


class Clock:
    """A clock that stands until it is set."""

    time = 0.0

    def __call__(self) -> float:
        return self.time


def test_the_time_left_ticks_and_does_not_grow_stale() -> None:
    clock = Clock()
    count = _Counting("run", clock)
    count.begin(10)
    assert count.describe() == "checking what is done"
    count.count(computed=False, failed=False)
    for clock.time in (50.0, 54.0, 58.0):  # the first one loaded models and kernels
        count.count(computed=True, failed=clock.time == 58)
    assert count.seconds_left() == 6 * 4
    assert count.describe() == "4.0 s an image, 0:24 left, 1 failed"
    clock.time = 61.0
    assert count.seconds_left() == 6 * 4 - 3
    clock.time = 80.0  # one that takes longer than the others leaves theirs
    assert count.seconds_left() == 5 * 4
    for _ in range(6):
        count.count(computed=True, failed=False)
    assert count.seconds_left() is None


def test_the_bar_tells_the_stage_at_hand_and_the_elapsed_time() -> None:
    shown = io.StringIO()
    bar = Bar("run", Console(file=shown, force_terminal=True, width=100))
    bar.begin(3)
    bar.at("bear", "segment")
    bar.bars.refresh()
    bar.advance(computed=True, failed=True)
    bar.end()
    text = shown.getvalue()
    assert "segment bear" in text
    assert "0/3" in text
    assert "0:00:0" in text
    assert "1 failed" in text


def test_logs_get_lines_and_no_spinner(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    console = Console(file=shown, width=100)
    lines = Lines("run", console)
    lines.begin(2)
    with spinner("report", console, quiet=False):
        lines.printed = -1e9
        lines.advance(computed=True, failed=False)
    assert shown.getvalue() == "run 1/2\n"


@pytest.mark.parametrize(("plain", "coloured"), [(True, False), (False, True)])
def test_failures_are_red_on_a_terminal_alone(
    plain: bool, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    if not plain:
        monkeypatch.setenv("FORCE_COLOR", "1")
    Teller().fail("bear: segment failed")
    assert ("\x1b[31m" in shown.getvalue()) == coloured
    monkeypatch.setenv("NO_COLOR", "1")
    shown.truncate(0)
    Teller().fail("bear: segment failed")
    assert "\x1b[31m" not in shown.getvalue()
