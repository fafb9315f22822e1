"""Times and durations of results: events.csv."""

import time
from collections.abc import Mapping

from spam_pipe.pipeline.running.jobs import Outcome
from spam_pipe.pipeline.running.runner import Callback
from spam_pipe.pipeline.store.folder import Folder
from spam_pipe.pipeline.units import Unit
from spam_pipe.stages.csv_cells import csv_lines

_EVENTS_EVERY = 10.0


class Events(Callback):
    """`events.csv`: when each unit was made and how long it took; appended run after run.

    A shard writes a file of its own, `events-<shard>.csv`: not every storage appends for two.
    """

    columns = ("time", "item", "stage", "n_superpixels", "seconds", "overhead", "status")

    def __init__(self, run: Folder, shard: str | None = None) -> None:
        self.run = run
        self.key = "events.csv" if shard is None else f"events-{shard}.csv"
        self.lines: list[tuple[object, ...]] = []
        self.flushed = time.monotonic()

    def finished(self, outcome: Outcome) -> None:
        """Note the units that a job made, or its failure."""
        now, item = f"{time.time():.3f}", outcome.item_id
        made: Mapping[tuple[str, Unit], tuple[float, float]] = outcome.seconds
        for (stage, unit), (seconds, overhead) in made.items():
            count = "" if unit is None else unit
            own = f"{seconds:.6f}", f"{overhead:.6f}"
            self.lines.append((now, item, stage, count, *own, "made"))
        if outcome.failure is not None:
            self.lines.append((now, item, outcome.failure.stage, "", "", "", "failed"))
        if time.monotonic() - self.flushed > _EVENTS_EVERY:
            self.end()

    def end(self) -> None:
        """Write the noted lines to the storage."""
        self.flushed = time.monotonic()
        if not self.lines:
            return
        header = ",".join(self.columns) + "\n"
        self.run.append(self.key, csv_lines(self.lines).encode(), header.encode())
        self.lines.clear()
