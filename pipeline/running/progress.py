"""Progress of long work: a bar on a terminal, plain lines otherwise, and `events.csv` always."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichBars

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

    def __init__(self, title: str) -> None:
        self.title = title
        self.total = self.seen = self.computed = self.failed = 0
        self.first: float | None = None

    def count(self, *, computed: bool, failed: bool) -> None:
        self.seen += 1
        self.computed += computed
        if computed and self.first is None:
            self.first = time.monotonic()
        self.failed += failed

    def describe(self) -> str:
        words = []
        if self.first is None:
            words.append("checking what is done")
        elif self.computed > 1:  # the first one also loaded models and kernels
            rate = (self.computed - 1) / max(1e-9, time.monotonic() - self.first)
            left = _clock((self.total - self.seen) / rate)
            words += [f"{rate:.1f} items/s", f"{left} left"]
        if self.failed:
            words.append(f"{self.failed} failed")
        return ", ".join(words)


class Bar(_Counting):
    """A bar with items per second and time left."""

    def __init__(self, title: str, console: Console) -> None:
        super().__init__(title)
        self.bars = RichBars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}"),
            console=console,
            transient=True,
        )

    def begin(self, n_jobs: int) -> None:
        """Begin with so many items."""
        self.total = n_jobs
        self.task = self.bars.add_task(self.title, total=n_jobs, words="")
        self.bars.start()

    def advance(self, *, computed: bool, failed: bool) -> None:
        """Count one item."""
        self.count(computed=computed, failed=failed)
        self.bars.update(self.task, completed=self.seen, words=self.describe())

    def end(self) -> None:
        """Take the bar away."""
        self.bars.stop()


class Lines(_Counting):
    """A plain line every few seconds, for logs."""

    def __init__(self, title: str, console: Console) -> None:
        super().__init__(title)
        self.console = console
        self.printed = time.monotonic()

    def begin(self, n_jobs: int) -> None:
        """Begin with so many items."""
        self.total = n_jobs

    def advance(self, *, computed: bool, failed: bool) -> None:
        """Count one item."""
        self.count(computed=computed, failed=failed)
        if time.monotonic() - self.printed >= _LINE_EVERY:
            self.printed = time.monotonic()
            words = [f"{self.title} {self.seen}/{self.total}", self.describe()]
            line = ", ".join(word for word in words if word)
            self.console.print(line, highlight=False, soft_wrap=True)


def make_progress(title: str, console: Console, *, quiet: bool) -> Progress:
    """Return what suits where the output goes."""
    if quiet:
        return Progress()
    return Bar(title, console) if console.is_terminal else Lines(title, console)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
