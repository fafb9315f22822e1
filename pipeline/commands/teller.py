"""What commands print: progress, results, states, exit statuses."""

import json
import os
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from spam_pipe.pipeline.errors import printable
from spam_pipe.pipeline.running.plan import State
from spam_pipe.pipeline.running.runner import Summary

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
        self.messages.print(printable(text), soft_wrap=True)

    def show(self, what: Table | str) -> None:
        """Print a result."""
        if not (self.quiet or self.as_json):
            self.results.print(printable(what) if isinstance(what, str) else what)

    def show_json(self, value: Mapping[str, Any]) -> None:
        """Print a result for programs."""
        if self.as_json:
            print(json.dumps(value, indent=2, allow_nan=False, default=str))


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
        table.add_row(name, *(str(states.get(state, 0)) for state in State))
    return table


def shard_line(summary: Summary, whole_command: str) -> str:
    """Say whether a shard completed its run, and what else does; nothing without shards."""
    if summary.shard is None or summary.interrupted:
        return ""
    if summary.completes_run:
        return f"shard {summary.shard} was the last: the run is complete"
    return (
        f"shard {summary.shard} is done, the run is not: the last shard to end completes it, or "
        f"`spam-pipe {whole_command}`"
    )


def _width() -> int | None:
    """Return the width for output that goes to no terminal; a terminal knows its own."""
    return None if os.isatty(1) else 100
