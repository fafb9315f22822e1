"""`failures.csv`: which items failed, where and why; a list of its own for each shard at work."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.store.folder import Folder
from spam_pipe.stages.csv_cells import csv_lines, original

_KEY = "failures.csv"
_PART = "failures-"


@dataclass(frozen=True)
class FailedItem:
    """One line of `failures.csv`."""

    stage: str
    item: str
    kind: str
    reason: str
    store: str


class Failures:
    """The failed items of a run, by store and item.

    Parameters
    ----------
    run
        The run's folder; the lists of its shards are read too.
    shard
        Name of the shard that this command is: it writes a list of its own failures.

    Attributes
    ----------
    items
        All that are known.
    shards
        Names of the shards that have lists.
    """

    def __init__(self, run: Folder, shard: str | None = None) -> None:
        self.run = run
        self._key = _KEY if shard is None else _part(shard)
        parts = [name for name in run.names() if name.startswith(_PART)]
        self.shards = [name.removeprefix(_PART).removesuffix(".csv") for name in parts]
        self.items: dict[tuple[str, str], FailedItem] = {}
        for key in (_KEY, *parts):
            self.items |= _read(run, key)
        self._own = self.items if shard is None else _read(run, self._key)
        self._saved = None if shard is None and parts else dict(self._own)

    def record(self, failed: FailedItem) -> None:
        """Add or replace an item's line."""
        for items in (self.items, self._own):
            items[failed.store, failed.item] = failed

    def clear(self, item_id: str, stores: Iterable[str]) -> None:
        """Forget an item that these stores hold complete."""
        for store in stores:
            for items in (self.items, self._own):
                items.pop((store, item_id), None)

    def save(self) -> None:
        """Write the file where something changed: a line per failure, sorted."""
        if self._own == self._saved:
            return
        columns = [field.name for field in fields(FailedItem)]
        rows = (list(asdict(self._own[key]).values()) for key in sorted(self._own))
        self.run.write(self._key, csv_lines([columns, *rows]).encode())
        self._saved = dict(self._own)

    def drop_list_of(self, shard: str) -> None:
        """Delete the list of a shard that is not at work, once all is saved."""
        self.run.delete(_part(shard))


def _part(shard: str) -> str:
    return f"{_PART}{shard}.csv"


def _read(run: Folder, key: str) -> dict[tuple[str, str], FailedItem]:
    text = (run.read(key) or b"").decode("utf-8", "replace")
    names = [field.name for field in fields(FailedItem)]
    try:
        return {
            (row["store"], original(row["item"])): FailedItem(
                **{name: original(row[name]) for name in names}
            )
            for row in csv.DictReader(io.StringIO(text, newline=""))
            if all(row.get(name) is not None for name in names)
        }
    except csv.Error as error:
        raise DataError(
            f"{run}/{key}: is damaged ({error}); delete it, failed items are then tried again"
        ) from error
