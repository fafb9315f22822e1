"""Where superpixels are to be denser: clicks and drawings, saved as the files a batch reads."""

import io
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.exporting.formats import file_name
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.serving.journal import Action, Journal
from spam_pipe.pipeline.serving.regions import mask_of
from spam_pipe.pipeline.store.folder import LocalFolder
from spam_pipe.stages.csv_cells import csv_lines

TABLE = "attention.csv"
DRAWINGS = "objects"
"""Folder of the masks that the table names."""

STEPS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Factors that clicks step through."""


@dataclass(frozen=True)
class Mark:
    """A factor for the object at a pixel, as it is cut for `k` superpixels."""

    x: int
    y: int
    k: int
    factor: float


@dataclass(frozen=True)
class Drawing:
    """An object of the user's own."""

    id: str  # the client's name for the action that drew it
    shape: Sequence[int]  # of the image
    runs: Sequence[int]  # its pixels (`serving.regions`)
    factor: float

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Its pixels: (H, W)."""
        return mask_of(self.runs, (self.shape[0], self.shape[1]))


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
        """Return what clicks on an image's objects amount to: of one place the last word."""
        return self._said(item_id)[0]

    def drawings(self, item_id: str) -> list[Drawing]:
        """Return the objects that were drawn in an image, in their order."""
        return self._said(item_id)[1]

    def places(self, item_id: str) -> list[dict[str, Any]]:
        """Return of each drawing that is to be seen its id, its factor and a pixel of it."""
        found: list[dict[str, Any]] = []
        covered: NDArray[np.bool_] = np.zeros((1, 1), np.bool_)
        for each in reversed(self.drawings(item_id)):
            seen = np.flatnonzero(each.mask & ~covered)
            if seen.size:
                y, x = divmod(int(seen[0]), each.shape[1])
                found.append({"id": each.id, "x": x, "y": y, "factor": each.factor})
            covered = covered | each.mask
        return found[::-1]

    def count(self, item_id: str) -> int:
        """Return how many objects of an image have a factor or were drawn."""
        return sum(len(each) for each in self._said(item_id))

    def _said(self, item_id: str) -> tuple[list[Mark], list[Drawing]]:
        known = self.journals.get(item_id)
        marks: dict[tuple[int, int, int], Mark] = {}
        drawings: dict[str, Drawing] = {}
        for action in known.done if known else ():
            for each in action.get("drop", ()):
                marks.pop((each["x"], each["y"], each["k"]), None)
            for each in action.get("put", ()):
                marks[each["x"], each["y"], each["k"]] = Mark(**each)
            if "draw" in action:
                drawings[action["id"]] = Drawing(action["id"], **action["draw"])
            for name, factor in action.get("own", {}).items():
                if factor is None:
                    drawings.pop(name, None)
                elif name in drawings:
                    drawings[name] = replace(drawings[name], factor=factor)
        return list(marks.values()), list(drawings.values())

    def file(self, item_id: str) -> Path | None:
        """Return the table of factors where it says something of an image."""
        return self.folder.path() / TABLE if self.count(item_id) else None

    def draw(
        self, item_id: str, shape: tuple[int, int], runs: Sequence[int], action_id: str
    ) -> None:
        """Make a region an object of the image, with twice its share of the superpixels.

        Raises
        ------
        DataError
            When the runs leave the image.
        """
        mask_of(runs, shape)
        self._add(item_id, {"id": action_id, "draw": {"shape": shape, "runs": runs, "factor": 2.0}})

    def step(
        self,
        item_id: str,
        objects: NDArray[np.integer[Any]],
        place: tuple[int, int, int],
        direction: int,
        action_id: str,
    ) -> None:
        """Raise or lower the factor of the object at a pixel.

        Parameters
        ----------
        item_id
            The image.
        objects
            (H, W) the prior's for `k` superpixels, 0 = uncertain: there the nearest is meant. A
            drawn object is met before them.
        place
            x, y and k.
        direction
            1 doubles, -1 halves, within ⅛ … 8; 0 goes back to 1, and takes a drawn object away.
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
        with self.lock:
            drawn = [each for each in self.drawings(item_id) if each.mask[y, x]]
            if drawn:
                factor = _stepped(drawn[-1].factor, direction) if direction else None
                self._add(item_id, {"id": action_id, "x": x, "y": y, "own": {drawn[-1].id: factor}})
                return
            whole = bridged(objects) if not objects.all() else objects
            marks = self.marks(item_id)
            met = whole[y, x]
            own = [mark for mark in marks if mark.k == k and whole[mark.y, mark.x] == met]
            if own:
                now = float(np.mean([mark.factor for mark in own]))
            else:
                now = _inherited(marks, whole == met, k)
            factor = _stepped(now, direction)
            keep = own[0] if own else Mark(x, y, k, 1.0)
            plain = factor == 1.0 and all(mark in own for mark in marks)
            self._add(
                item_id,
                {
                    "id": action_id,
                    "x": x,
                    "y": y,
                    "drop": [asdict(mark) for mark in own],
                    "put": [] if plain else [asdict(Mark(keep.x, keep.y, k, factor))],
                },
            )

    def clear(self, item_id: str, action_id: str) -> None:
        """Take all factors and drawn objects of an image away."""
        with self.lock:
            marks, drawings = self._said(item_id)
            if marks or drawings:
                gone = {each.id: None for each in drawings}
                drop = [asdict(mark) for mark in marks]
                self._add(item_id, {"id": action_id, "drop": drop, "own": gone})

    def _add(self, item_id: str, action: Action) -> None:
        """Write an action down, unless it came before, and save what is said now."""
        with self.lock:
            journal = self.journal(item_id)
            if not journal.knows(action["id"]):
                journal.add(action)
                self.save()

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
        """Write what `--attention` reads, masks before the table; nothing where nothing is said."""
        cells: list[tuple[object, ...]] = []
        for item_id in self.items:
            marks, drawings = self._said(item_id)
            cells += [(item_id, m.x, m.y, "", m.k, f"{m.factor:g}") for m in marks]
            for each in drawings:
                mask = _mask_name(item_id, each)
                self._save_mask(mask, each)
                cells.append((item_id, "", "", mask, "", f"{each.factor:g}"))
        if not cells:
            self.folder.delete(TABLE)
            return
        table = csv_lines([("image", "x", "y", "mask", "k", "factor"), *cells])
        self.folder.write(TABLE, table.encode())

    def mask_names(self) -> list[str]:
        """Return the masks that the table names."""
        return [_mask_name(name, each) for name in self.items for each in self.drawings(name)]

    def _save_mask(self, name: str, drawing: Drawing) -> None:
        """Write a drawing's mask once: what an id drew never changes."""
        if not (self.folder.path() / name).exists():
            content = io.BytesIO()
            Image.fromarray(drawing.mask.astype(np.uint8) * 255).save(content, "PNG")
            self.folder.write(name, content.getvalue())

    def _path(self, item_id: str) -> Path:
        return self.folder.path() / "steering" / file_name(item_id, ".jsonl")


def _mask_name(item_id: str, drawing: Drawing) -> str:
    return f"{DRAWINGS}/{file_name(item_id, f'.{drawing.id}.png')}"


def _stepped(now: float, direction: int) -> float:
    """Return the factor one step up or down of one; 1 for no direction."""
    nearest = int(np.argmin([abs(np.log2(now / step)) for step in STEPS]))
    return STEPS[min(max(nearest + direction, 0), len(STEPS) - 1)] if direction else 1.0


def _inherited(marks: Iterable[Mark], inside: NDArray[np.bool_], k: int) -> float:
    """Return the factor that an object has from marks for fewer superpixels, or 1."""
    own = [mark for mark in marks if inside[mark.y, mark.x] and mark.k <= k]
    return max(own, key=lambda mark: mark.k).factor if own else 1.0
