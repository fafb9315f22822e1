"""Classes painted by superpixels: masks saved at every action, undone without end."""

import csv
import io
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.pipeline.datasets.user_files.label_file import LabelFile
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.exporting.formats import file_name
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.serving.journal import Action, Journal
from spam_pipe.pipeline.serving.regions import pixels_of, values_before
from spam_pipe.pipeline.store.folder import LocalFolder
from spam_pipe.stages.csv_cells import csv_lines, original

CLASSES = "classes.csv"
MOST_CLASSES = 255
"""What an 8-bit mask holds beside 0."""

_LONGEST_NAME = 80
_STRIP = 512
_MASKS = 4
"""Masks that are kept in memory."""

COLORS = (
    "#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008f8f", "#f032e6", "#8a9a00",
    "#b5651d", "#0aa5d8", "#c71585", "#556b2f",
)  # fmt: skip
"""Of classes that were given none; they come round again."""


@dataclass(frozen=True)
class ClassOfPixels:
    """A class: number (1..255), name and colour ``#rrggbb``."""

    number: int
    name: str
    color: str


class Labelling:
    """The masks of all images of a run, and their classes.

    A mask is ``<item>.png``: 0 where no class is known, as `spam-pipe annotate` writes it.

    Parameters
    ----------
    masks
        Folder of the masks and of ``classes.csv``; what lies there is opened for correction.
    journals
        Folder of what was done to each.
    """

    def __init__(self, masks: LocalFolder, journals: LocalFolder) -> None:
        self.folder = masks
        self.journals_folder = journals
        self.lock = threading.RLock()
        self._masks: OrderedDict[str, NDArray[np.uint16]] = OrderedDict()
        self._journals: dict[str, Journal] = {}
        self.classes = _read_classes(masks)

    def journal(self, item_id: str) -> Journal:
        """Return an image's journal."""
        if item_id not in self._journals:
            path = self.journals_folder.path() / file_name(item_id, ".jsonl")
            self._journals[item_id] = Journal(path)
        return self._journals[item_id]

    def is_labelled(self, item: Item) -> bool:
        """Say whether an image has a mask."""
        return self.path(item).exists()

    def path(self, item: Item) -> Path:
        """Return the file of an image's mask."""
        return self.folder.path() / file_name(item.id, ".png")

    def mask(self, item: Item, shape: tuple[int, int]) -> NDArray[np.uint16]:
        """Return an image's (H, W) mask; zeros where there is none yet.

        Raises
        ------
        DataError
            When the file is no mask of the image's size.
        """
        with self.lock:
            known = self._masks.get(item.id)
            if known is None:
                known = self._read(item, shape)
                self._masks[item.id] = known
            self._masks.move_to_end(item.id)
            while len(self._masks) > _MASKS:
                self._masks.popitem(last=False)
            return known

    def paint(self, item: Item, shape: tuple[int, int], action: Action) -> int:
        """Give a region a class; save mask and journal before anything is answered.

        Parameters
        ----------
        item, shape
            The image and its (H, W).
        action
            ``id``, ``class`` (0 erases), ``runs`` (flat list of start and length), and whatever
            the log is to tell of it.

        Returns
        -------
        The journal's version.

        Raises
        ------
        DataError
            When there is no such class, or the region leaves the image.
        """
        with self.lock:
            journal = self.journal(item.id)
            if journal.knows(action["id"]):
                return journal.version
            if action["class"] and action["class"] not in {each.number for each in self.classes}:
                raise DataError(f"there is no class {action['class']}")
            runs = np.array(action["runs"], np.int64).reshape(-1, 2)
            mask = self.mask(item, shape)
            indices = pixels_of(runs, mask.size)
            before = values_before(mask, indices)
            changed = mask.copy()
            changed.ravel()[indices] = action["class"]
            self._save(item, changed)
            journal.add({**action, "before": before})
            return journal.version

    def undo(self, item: Item, shape: tuple[int, int], action_id: str) -> bool:
        """Take the last action on an image back; say whether there was one."""
        with self.lock:
            journal = self.journal(item.id)
            if not journal.done or journal.knows(action_id):
                return False
            changed = self.mask(item, shape).copy()
            for value, runs in journal.done[-1]["before"]:
                indices = pixels_of(np.array(runs, np.int64).reshape(-1, 2), changed.size)
                changed.ravel()[indices] = value
            self._save(item, changed)
            return journal.undo(action_id)

    def redo(self, item: Item, shape: tuple[int, int], action_id: str) -> bool:
        """Do again what was taken back; say whether there was something."""
        with self.lock:
            journal = self.journal(item.id)
            if not journal.undone or journal.knows(action_id):
                return False
            action = journal.undone[-1]
            changed = self.mask(item, shape).copy()
            runs = np.array(action["runs"], np.int64).reshape(-1, 2)
            changed.ravel()[pixels_of(runs, changed.size)] = action["class"]
            self._save(item, changed)
            return journal.redo(action_id)

    def set_classes(self, classes: Sequence[ClassOfPixels]) -> None:
        """Replace the classes and save them.

        Raises
        ------
        DataError
            When a number or a name stands twice, a name is empty or too long, a colour is none.
        """
        _check_classes(classes)
        with self.lock:
            self.folder.write(CLASSES, table_of(classes).encode())
            self.classes = list(classes)

    def plain_classes(self) -> list[dict[str, Any]]:
        """Return the classes as JSON knows them."""
        return [asdict(each) for each in self.classes]

    def counts(self, item: Item, shape: tuple[int, int]) -> Mapping[int, int]:
        """Return how many pixels of an image each class has."""
        mask = self.mask(item, shape)
        pixels = np.zeros(0x10000, np.int64)
        for top in range(0, len(mask), _STRIP):  # counting makes each pixel eight bytes
            pixels += np.bincount(mask[top : top + _STRIP].ravel(), minlength=pixels.size)
        return {int(number): int(pixels[number]) for number in np.flatnonzero(pixels)}

    def _save(self, item: Item, mask: NDArray[np.uint16]) -> None:
        kind = np.uint8 if mask.max() <= 0xFF else np.uint16
        content = io.BytesIO()
        Image.fromarray(mask.astype(kind)).save(content, "PNG", compress_level=1)
        self.folder.write(file_name(item.id, ".png"), content.getvalue())
        self._masks[item.id] = mask

    def _read(self, item: Item, shape: tuple[int, int]) -> NDArray[np.uint16]:
        path = self.path(item)
        if not path.exists():
            return np.zeros(shape, np.uint16)
        (values,) = LabelFile(path).read()[:1]
        if values.shape != shape:
            raise DataError(
                f"{path}: the mask is {values.shape[1]} × {values.shape[0]} pixels, the image "
                f"{shape[1]} × {shape[0]}; move it away or mend it"
            )
        if values.max() > 0xFFFF:
            raise DataError(f"{path}: a mask of classes holds numbers up to 65535; mend it")
        return values.astype(np.uint16)


def table_of(classes: Sequence[ClassOfPixels]) -> str:
    """Return classes as the content of ``classes.csv``."""
    rows = [(each.number, each.name, each.color) for each in classes]
    return csv_lines([("class", "name", "color"), *rows])


def _read_classes(folder: LocalFolder) -> list[ClassOfPixels]:
    """Return the classes of a folder of masks; `spam-pipe annotate` writes them, too."""
    content = folder.read(CLASSES)
    if content is None:
        return []
    where = f"{folder}/{CLASSES}"
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        found = [
            ClassOfPixels(
                int(row["class"]),
                original(row["name"]),
                row.get("color") or COLORS[number % len(COLORS)],
            )
            for number, row in enumerate(rows)
        ]
        _check_classes(found)
    except (KeyError, ValueError, TypeError, DataError) as error:
        raise DataError(f"{where}: not a table of class, name, color; mend or move it") from error
    return found


def _check_classes(classes: Sequence[ClassOfPixels]) -> None:
    if len(classes) > MOST_CLASSES:
        raise DataError(f"at most {MOST_CLASSES} classes")
    for each in classes:
        if not 1 <= each.number <= MOST_CLASSES:
            raise DataError(f"a class's number lies in 1..{MOST_CLASSES}, not {each.number}")
        if not each.name.strip() or len(each.name) > _LONGEST_NAME or not each.name.isprintable():
            raise DataError(f"a class has a name of 1 to {_LONGEST_NAME} characters")
        if not re.fullmatch("#[0-9a-fA-F]{6}", each.color):
            raise DataError(f"{each.color}: a colour is #rrggbb")
    for kind, values in (
        ("number", [each.number for each in classes]),
        ("name", [each.name for each in classes]),
    ):
        if len(set(values)) != len(values):
            raise DataError(f"two classes have the same {kind}")
