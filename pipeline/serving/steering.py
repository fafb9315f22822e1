"""Where superpixels are to be denser: clicks on objects, saved as the file that a batch reads."""

import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.exporting.formats import file_name
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.serving.journal import Action, Journal
from spam_pipe.pipeline.store.folder import LocalFolder
from spam_pipe.stages.csv_cells import csv_lines

TABLE = "attention.csv"
STEPS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Factors that clicks step through."""


@dataclass(frozen=True)
class Mark:
    """A factor for the object at a pixel, as it is cut for `k` superpixels."""

    x: int
    y: int
    k: int
    factor: float


class Steering:
    """The factors of all images of a run.

    Parameters
    ----------
    folder
        Where the page keeps its files: ``attention.csv`` and the journals.
    items
        The images, in order.
    """

    def __init__(self, folder: LocalFolder, items: Iterable[Item]) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self.items = [item.id for item in items]
        self.journals: dict[str, Journal] = {}
        for item_id in self.items:
            path = self._path(item_id)
            if path.exists():
                self.journals[item_id] = Journal(path)

    def journal(self, item_id: str) -> Journal:
        """Return an image's journal."""
        if item_id not in self.journals:
            self.journals[item_id] = Journal(self._path(item_id))
        return self.journals[item_id]

    def marks(self, item_id: str) -> list[Mark]:
        """Return what an image's actions amount to: of one place the last word."""
        known = self.journals.get(item_id)
        found: dict[tuple[int, int, int], Mark] = {}
        for action in known.done if known else ():
            for each in action["drop"]:
                found.pop((each["x"], each["y"], each["k"]), None)
            for each in action["put"]:
                found[each["x"], each["y"], each["k"]] = Mark(**each)
        return list(found.values())

    def file(self, item_id: str) -> Path | None:
        """Return the table of factors where it says something of an image."""
        return self.folder.path() / TABLE if self.marks(item_id) else None

    def step(
        self,
        item_id: str,
        objects: NDArray[np.integer[Any]],
        place: tuple[int, int, int],
        direction: int,
        action_id: str,
    ) -> float:
        """Raise or lower the factor of the object at a pixel and return the new one.

        Parameters
        ----------
        item_id
            The image.
        objects
            (H, W) its objects for `k` superpixels, 0 = uncertain: there the nearest is meant.
        place
            x, y and k.
        direction
            1 doubles, -1 halves, within ⅛ … 8; 0 goes back to 1.
        action_id
            The client's name for the action, by which it counts once.

        Raises
        ------
        DataError
            When the pixel lies outside of the image.
        """
        from spam_pipe.stages.regions.adjacency import bridged  # compiled: not before it is needed

        x, y, k = place
        height, width = objects.shape
        if not (0 <= x < width and 0 <= y < height):
            raise DataError(f"x = {x}, y = {y} lies outside of the image of {width} × {height}")
        whole = bridged(objects) if not objects.all() else objects
        with self.lock:
            marks = self.marks(item_id)
            met = whole[y, x]
            own = [mark for mark in marks if mark.k == k and whole[mark.y, mark.x] == met]
            if own:
                now = float(np.mean([mark.factor for mark in own]))
            else:
                now = _inherited(marks, whole == met, k)
            nearest = int(np.argmin([abs(np.log2(now / step)) for step in STEPS]))
            place_of = min(max(nearest + direction, 0), len(STEPS) - 1)
            factor = STEPS[place_of] if direction else 1.0
            keep = own[0] if own else Mark(x, y, k, 1.0)
            put = Mark(keep.x, keep.y, k, factor)
            plain = factor == 1.0 and all(mark in own for mark in marks)
            action: Action = {
                "id": action_id,
                "x": x,
                "y": y,
                "drop": [asdict(mark) for mark in own],
                "put": [] if plain else [asdict(put)],
            }
            journal = self.journal(item_id)
            if not journal.knows(action["id"]):
                journal.add(action)
                self.save()
        return factor

    def clear(self, item_id: str, action_id: str) -> bool:
        """Take all factors of an image away; say whether there were any."""
        with self.lock:
            marks = [asdict(mark) for mark in self.marks(item_id)]
            journal = self.journal(item_id)
            if not marks or journal.knows(action_id):
                return False
            journal.add({"id": action_id, "drop": marks, "put": []})
            self.save()
            return True

    def undo(self, item_id: str, action_id: str) -> bool:
        """Take the last action on an image back; say whether there was one."""
        with self.lock:
            done = self.journal(item_id).undo(action_id)
            if done:
                self.save()
        return done

    def redo(self, item_id: str, action_id: str) -> bool:
        """Do again what was taken back; say whether there was something."""
        with self.lock:
            done = self.journal(item_id).redo(action_id)
            if done:
                self.save()
        return done

    def save(self) -> None:
        """Write the table that `--attention` reads; none where nothing is said."""
        rows = [(each, mark) for each in self.items for mark in self.marks(each)]
        if not rows:
            self.folder.delete(TABLE)
            return
        cells = [(each, mark.x, mark.y, mark.k, f"{mark.factor:g}") for each, mark in rows]
        table = csv_lines([("image", "x", "y", "k", "factor"), *cells])
        self.folder.write(TABLE, table.encode())

    def _path(self, item_id: str) -> Path:
        return self.folder.path() / "steering" / file_name(item_id, ".jsonl")


def _inherited(marks: Iterable[Mark], inside: NDArray[np.bool_], k: int) -> float:
    """Return the factor that an object has from marks for fewer superpixels, or 1."""
    own = [mark for mark in marks if inside[mark.y, mark.x] and mark.k <= k]
    return max(own, key=lambda mark: mark.k).factor if own else 1.0
