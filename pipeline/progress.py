"""Progress of long work: a bar on a terminal, plain lines otherwise, and `events.csv` always."""

import csv
import io
import time
from collections.abc import Mapping
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichBars

from pipeline.folder import Folder
from pipeline.jobs import Outcome
from pipeline.units import Unit
from stages.report.cells import inert

_LINE_EVERY = 5.0
_EVENTS_EVERY = 10.0


class Progress(Protocol):
    """Shown while items run."""

    def start(self, total: int) -> None:
        """Begin with so many items."""

    def advance(self, *, computed: bool, failed: bool) -> None:
        """Count one item: computed now or found complete."""

    def close(self) -> None:
        """End; the work is over or was stopped."""


class Quiet:
    """Shows nothing."""

    def start(self, total: int) -> None:
        """Begin."""

    def advance(self, *, computed: bool, failed: bool) -> None:
        """Count one item."""

    def close(self) -> None:
        """End."""


class _Counting:
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

    def start(self, total: int) -> None:
        """Begin."""
        self.total = total
        self.task = self.bars.add_task(self.title, total=total, words="")
        self.bars.start()

    def advance(self, *, computed: bool, failed: bool) -> None:
        """Count one item."""
        self.count(computed=computed, failed=failed)
        self.bars.update(self.task, completed=self.seen, words=self.describe())

    def close(self) -> None:
        """End."""
        self.bars.stop()


class Lines(_Counting):
    """A plain line every few seconds, for logs."""

    def __init__(self, title: str, console: Console) -> None:
        super().__init__(title)
        self.console = console
        self.printed = time.monotonic()

    def start(self, total: int) -> None:
        """Begin."""
        self.total = total

    def advance(self, *, computed: bool, failed: bool) -> None:
        """Count one item."""
        self.count(computed=computed, failed=failed)
        if time.monotonic() - self.printed >= _LINE_EVERY:
            self.printed = time.monotonic()
            words = [f"{self.title} {self.seen}/{self.total}", self.describe()]
            line = ", ".join(word for word in words if word)
            self.console.print(line, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """End."""


class Events:
    """`events.csv`: when each unit was made and how long it took; appended run after run.

    A shard writes a file of its own, `events-<shard>.csv`: not every storage appends for two.
    """

    columns = ("time", "item", "stage", "n_superpixels", "seconds", "overhead", "status")

    def __init__(self, run: Folder, shard: str | None = None) -> None:
        self.run = run
        self.key = "events.csv" if shard is None else f"events-{shard}.csv"
        self.lines: list[tuple[object, ...]] = []
        self.flushed = time.monotonic()

    def add(self, outcome: Outcome) -> None:
        """Note what an outcome brought."""
        now, item = f"{time.time():.3f}", inert(outcome.item_id)
        made: Mapping[tuple[str, Unit], tuple[float, float]] = outcome.seconds
        for (stage, unit), (seconds, overhead) in made.items():
            count = "" if unit is None else unit
            own = f"{seconds:.6f}", f"{overhead:.6f}"
            self.lines.append((now, item, stage, count, *own, "made"))
        if outcome.failure is not None:
            self.lines.append((now, item, outcome.failure.stage, "", "", "", "failed"))
        if time.monotonic() - self.flushed > _EVENTS_EVERY:
            self.flush()

    def flush(self) -> None:
        """Bring what was noted to the storage."""
        self.flushed = time.monotonic()
        if not self.lines:
            return
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(self.lines)
        header = ",".join(self.columns) + "\n"
        self.run.append(self.key, text.getvalue().encode(), header.encode())
        self.lines.clear()


def make_progress(title: str, console: Console, *, quiet: bool) -> Progress:
    """Return what suits where the output goes."""
    if quiet:
        return Quiet()
    return Bar(title, console) if console.is_terminal else Lines(title, console)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
