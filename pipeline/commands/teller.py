"""The output of commands: progress, results, states, exit statuses."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from spam_pipe.pipeline.errors import printable
from spam_pipe.pipeline.running.account import Summary
from spam_pipe.pipeline.running.plan import State
from spam_pipe.pipeline.running.progress import make_progress, spinner
from spam_pipe.pipeline.running.runner import Callback

if TYPE_CHECKING:
    from spam_pipe.pipeline.reporting.report import Report
    from spam_pipe.pipeline.runs.run import Run

SUCCESS, SOME_FAILED, INTERRUPTED = 0, 1, 130


class Teller:
    """Prints for people: progress and warnings to standard error, results to standard output."""

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.quiet = quiet
        self.as_json = as_json
        self.results = Console(width=_width(), markup=False, highlight=False)
        self.messages = Console(stderr=True, width=_width(), markup=False, highlight=False)

    def say(self, text: str) -> None:
        """Print a line about what is going on."""
        if not (self.quiet or self.as_json):
            self.messages.print(printable(text), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a line that matters even to those who want quiet."""
        self.messages.print(printable(text), soft_wrap=True, style="yellow")

    def fail(self, text: str) -> None:
        """Print a line about something that failed."""
        self.messages.print(printable(text), soft_wrap=True, style="red")

    def compile_kernels(self, *, nested: bool = False, seldom: bool = False) -> int:
        """Compile the kernels that are missing here, say so, and return how many they were.

        Parameters
        ----------
        nested
            Those for hierarchies too.
        seldom
            These, and those for masks, gaps and large images.
        """
        from spam_pipe.pipeline import kernels

        wanted: tuple[str, ...] = kernels.SEGMENTING + kernels.METRICS
        wanted += (kernels.NESTING if nested else ()) + (kernels.SELDOM if seldom else ())
        missing = kernels.missing_kernels(wanted)
        if not missing:
            return 0
        self.say(f"compiling {len(missing)} kernels, once for this installation: some ten seconds")
        shown = not (self.quiet or self.as_json) and self.messages.is_terminal
        columns = TextColumn("kernels"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=self.messages, transient=True, disable=not shown) as bars:
            bar = bars.add_task("kernels", total=len(missing))
            kernels.compile_kernels(
                missing, lambda done, of: bars.update(bar, completed=done, total=of)
            )
        return len(missing)

    def show(self, what: Table | str) -> None:
        """Print a result."""
        if not (self.quiet or self.as_json):
            self.results.print(printable(what) if isinstance(what, str) else what)

    def callbacks(self, title: str) -> tuple[Callback, ...]:
        """Return what shows the progress of a command, and what answers to Ctrl-C."""
        quiet = self.quiet or self.as_json
        return make_progress(title, self.messages, quiet=quiet), _Stopping(self)

    def working(self, title: str) -> AbstractContextManager[None]:
        """Show on a terminal that something without a count goes on, and for how long."""
        return spinner(title, self.messages, quiet=self.quiet or self.as_json)

    def show_json(self, value: Mapping[str, Any]) -> None:
        """Print a result for programs."""
        if self.as_json:
            print(json.dumps(value, indent=2, allow_nan=False, default=str))


class _Stopping(Callback):
    """Says that a wish to stop was heard."""

    def __init__(self, teller: Teller) -> None:
        self.teller = teller

    def stopping(self) -> None:
        """Say it."""
        self.teller.warn("stopping after the items at hand; Ctrl-C again stops at once")


def exit_status(summaries: Sequence[Summary]) -> int:
    """Return the exit status of a command that did all this."""
    if any(summary.interrupted for summary in summaries):
        return INTERRUPTED
    return SOME_FAILED if any(each.failed or each.skipped for each in summaries) else SUCCESS


def state_counts(counts: Mapping[str, Mapping[State, int]]) -> dict[str, dict[str, int]]:
    """Return the counts as plain values."""
    return {
        name: {state.value: states.get(state, 0) for state in State}
        for name, states in counts.items()
    }


def states_table(title: str, counts: Mapping[str, Mapping[State, int]]) -> Table:
    """Return a table of how many units of each stage are in which state."""
    table = Table(title=title, title_justify="left")
    table.add_column("stage")
    for state in State:
        table.add_column(state.value.replace("todo", "to do"), justify="right")
    for name, states in counts.items():
        numbers = {state: str(states.get(state, 0)) for state in State}
        red = "red" if states.get(State.FAILED) else ""
        table.add_row(
            name, *(Text(n, red if state is State.FAILED else "") for state, n in numbers.items())
        )
    return table


def tell_end(
    run: "Run", summary: Summary, report: "Report | None", line: str, teller: Teller
) -> None:
    """Print the first failures of a run, its table, the closing line and the report's places."""
    for failed in summary.failures[:5]:
        teller.fail(f"{failed.item}: {failed.stage} failed: {failed.reason}")
    if len(summary.failures) > 5:
        teller.fail(
            f"… and {len(summary.failures) - 5} more; all in {run.folder}/{summary.failures_file}"
        )
    if report is not None and report.table is not None:
        teller.show(report.table)
    teller.say(line)
    for place in () if report is None else report.places:
        teller.say(place)


def closing_line(command: str, items: str, summary: Summary, run: "Run", more: str = "") -> str:
    """Return the line that a command ends with: what was done, and what to do about failures."""
    parts = [f"{summary.computed} computed", f"{summary.complete} up to date"]
    if summary.failed:
        parts.append(f"{summary.failed} failed")
    if summary.skipped:
        parts.append(f"{summary.skipped} skipped, failed before")
    part = "" if summary.shard is None else f", shard {summary.shard}"
    line = f"{command}{part}: {items}, {', '.join(parts)}, {summary.seconds:.1f} s{more}"
    if summary.interrupted:
        return f"stopped: {line}; the same command goes on from here"
    if summary.failed:
        place = f"{run.folder}/{summary.failures_file}"
        line += f"; reasons in {place}, the same command tries them again"
    return line


def shard_line(summary: Summary, whole_command: str) -> str:
    """Say what completes a run whose shard is done; nothing without shards."""
    if summary.shard is None or summary.interrupted:
        return ""
    return (
        f"shard {summary.shard} is done; when all are, `spam-pipe {whole_command}` completes the "
        "run"
    )


def _width() -> int | None:
    """Return the width for output that goes to no terminal; a terminal knows its own."""
    return None if os.isatty(1) or "COLUMNS" in os.environ else 100
