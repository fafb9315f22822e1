"""Progress of long work: a bar on a terminal, plain lines otherwise, and `events.csv` always."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as RichBars
from rich.text import Text

from spam_pipe.pipeline.running.jobs import Outcome
from spam_pipe.pipeline.running.runner import Callback

_LINE_EVERY = 5.0


class Progress(Callback):
    """Shows nothing; the subclasses show how far the work is."""

    def left(self) -> None:
        """Count a job that needed nothing."""
        self.advance(computed=False, failed=False)

    def finished(self, outcome: Outcome) -> None:
        """Count a job that was done."""
        self.advance(computed=True, failed=outcome.failure is not None)

    def advance(self, *, computed: bool, failed: bool) -> None:
        """Count one item: computed now, or found complete."""


class _Counting(Progress):
    """Counts items and estimates the time left from those computed now."""

    def __init__(self, title: str, now: Callable[[], float] = time.monotonic) -> None:
        self.title, self.now = title, now
        self.total = self.seen = self.computed = self.failed = 0
        self.first = self.last = now()
        self.at_hand = ""

    def begin(self, n_jobs: int) -> None:
        """Begin with so many items."""
        self.total = n_jobs

    def at(self, item_id: str, stage: str) -> None:
        """Remember what is being done."""
        self.at_hand = f"{stage} {item_id}"

    def count(self, *, computed: bool, failed: bool) -> None:
        self.seen += 1
        self.failed += failed
        self.at_hand = ""
        if computed:
            self.computed += 1
            self.last = self.now()
            if self.computed == 1:
                self.first = self.last

    def seconds_left(self) -> float | None:
        """Return the seconds that the rest takes as of now; None where nobody can say yet.

        The first item also loads models and kernels, so it says nothing. An item that takes
        longer than the others leaves the time of those after it.
        """
        if self.computed < 2 or self.seen >= self.total:
            return None
        each = (self.last - self.first) / (self.computed - 1)
        rest = self.total - self.seen
        return max(rest * each - (self.now() - self.last), (rest - 1) * each)

    def describe(self) -> str:
        words = [] if self.computed or self.at_hand else ["checking what is done"]
        if self.computed > 1:
            words.append(_pace((self.last - self.first) / (self.computed - 1)))
        if (left := self.seconds_left()) is not None:
            words.append(f"{_clock(left)} left")
        if self.failed:
            words.append(f"{self.failed} failed")
        return ", ".join(words)


class _Words(ProgressColumn):
    """What a count says, told anew at each refresh, so that it never stands still."""

    def __init__(self, counting: _Counting) -> None:
        super().__init__()
        self.counting = counting

    def render(self, task: Task) -> Text:
        """Return the words, failures in red, what is at hand dimmed."""
        counting = self.counting
        style = "red" if counting.failed else ""
        at_hand = f"  {counting.at_hand}" if counting.at_hand else ""
        said = (counting.describe(), style), (at_hand, "dim")
        return Text.assemble(*said, no_wrap=True, overflow="ellipsis")


class Bar(_Counting):
    """A bar that ticks: elapsed time, pace, time left, and the stage and item at hand."""

    def __init__(self, title: str, console: Console) -> None:
        super().__init__(title)
        self.bars = RichBars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _Words(self),
            console=console,
            transient=True,
        )

    def begin(self, n_jobs: int) -> None:
        """Begin with so many items."""
        super().begin(n_jobs)
        self.task = self.bars.add_task(self.title, total=n_jobs)
        self.bars.start()

    def advance(self, *, computed: bool, failed: bool) -> None:
        """Count one item."""
        self.count(computed=computed, failed=failed)
        self.bars.update(self.task, completed=self.seen)

    def end(self) -> None:
        """Take the bar away."""
        self.bars.stop()


class Lines(_Counting):
    """A plain line every few seconds, for logs."""

    def __init__(self, title: str, console: Console) -> None:
        super().__init__(title)
        self.console = console
        self.printed = time.monotonic()

    def advance(self, *, computed: bool, failed: bool) -> None:
        """Count one item."""
        self.count(computed=computed, failed=failed)
        if time.monotonic() - self.printed >= _LINE_EVERY:
            self.printed = time.monotonic()
            words = [f"{self.title} {self.seen}/{self.total}", self.describe()]
            line = ", ".join(word for word in words if word)
            self.console.print(line, highlight=False, soft_wrap=True)


@contextmanager
def spinner(title: str, console: Console, *, quiet: bool) -> Iterator[None]:
    """Show on a terminal that something without a count goes on, and for how long."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    shown = console.is_terminal and not quiet
    with RichBars(*columns, console=console, transient=True, disable=not shown) as bars:
        bars.add_task(title, total=None)
        yield


def make_progress(title: str, console: Console, *, quiet: bool) -> Progress:
    """Return what suits where the output goes."""
    if quiet:
        return Progress()
    return Bar(title, console) if console.is_terminal else Lines(title, console)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _pace(seconds: float) -> str:
    return f"{1 / seconds:.1f} images/s" if 0 < seconds < 1 else f"{seconds:.1f} s an image"
