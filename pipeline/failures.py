"""`failures.csv`: which items failed, where and why."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from pipeline.folder import Folder

_KEY = "failures.csv"


@dataclass(frozen=True)
class FailedItem:
    """One line of `failures.csv`."""

    stage: str
    item: str
    kind: str
    reason: str
    store: str


class Failures:
    """The failed items of a run, by store and item."""

    def __init__(self, run: Folder) -> None:
        self.run = run
        text = (run.read(_KEY) or b"").decode("utf-8", "replace")
        names = [field.name for field in fields(FailedItem)]
        self.items: dict[tuple[str, str], FailedItem] = {
            (row["store"], row["item"]): FailedItem(**{name: row[name] for name in names})
            for row in csv.DictReader(io.StringIO(text))
            if all(row.get(name) is not None for name in names)
        }
        self._saved = dict(self.items)

    def record(self, failed: FailedItem) -> None:
        """Add or replace an item's line."""
        self.items[failed.store, failed.item] = failed

    def clear(self, item_id: str, stores: Iterable[str]) -> None:
        """Forget an item that these stores hold complete."""
        for store in stores:
            self.items.pop((store, item_id), None)

    def save(self) -> None:
        """Write the file where something changed: a line per failure, sorted."""
        if self.items == self._saved:
            return
        text = io.StringIO()
        writer = csv.DictWriter(text, [field.name for field in fields(FailedItem)])
        writer.writeheader()
        writer.writerows(asdict(self.items[key]) for key in sorted(self.items))
        self.run.write(_KEY, text.getvalue().encode())
        self._saved = dict(self.items)
