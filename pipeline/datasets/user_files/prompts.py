"""The user's prompts: a CSV or JSON file of points and boxes for all images.

CSV: columns ``image``, ``x``, ``y``, and where wanted ``label`` (1 on the object, the default,
or 0 beside it), ``x0``, ``y0``, ``x1``, ``y1`` for boxes, and ``object``: rows of one image with
the same object belong together. A row without an object is one by itself. JSON:
``{"image": [{"points": [[x, y], …], "labels": [1, …], "box": [x0, y0, x1, y1]}, …], …}``, an
entry per object. Images are named by their ids, as in ``metrics.csv``.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from spam_pipe.pipeline.datasets.user_files.image_rows import (
    RowKind,
    as_number,
    image_of,
    parse_json,
    parse_rows,
    read_text,
    shown,
)
from spam_pipe.pipeline.datasets.user_files.names import composed
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import FileSource
from spam_pipe.stages.propose.prompts import Prompt
from spam_pipe.stages.suggestion import meant_image

_LABELS = {"": 1, "1": 1, "foreground": 1, "0": 0, "background": 0}
_BOX = ("x0", "y0", "x1", "y1")
_PROMPTS = RowKind(
    "prompts",
    ("image", "x", "y", "label", *_BOX, "object"),
    ("image",),
    (("x", "y"), _BOX),
    "its columns are image, x, y, label, x0, y0, x1, y1, object",
    '{"image": [{"points": [[10, 20]]}]}',
)


@dataclass
class _Entry:
    """One object's prompt as plain values."""

    points: list[list[float]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    box: list[float] | None = None


Table = Mapping[str, tuple[_Entry, ...]]
"""Objects by image."""


@dataclass(frozen=True)
class ItemPrompts(FileSource):
    """The prompts of one image in a file; reads as a tuple of `Prompt`."""

    item_id: str  # the image

    def digest(self) -> str:
        """Return the SHA-256 (hex) of this image's prompts alone."""
        plain = [vars(entry) for entry in self._entries()]
        return sha256(json.dumps(plain).encode()).hexdigest()

    def read(self) -> tuple[Prompt, ...]:
        """Load the image's prompts."""
        return tuple(
            Prompt(
                np.array(entry.points, np.float64).reshape(-1, 2),
                np.array(entry.labels, np.int64),
                None if entry.box is None else np.array(entry.box, np.float64),
            )
            for entry in self._entries()
        )

    def _entries(self) -> tuple[_Entry, ...]:
        table = read_prompts(self.path, self.signature())
        if self.item_id not in table:
            raise DataError(
                f"{self.path}: no prompts for '{self.item_id}'; add some, or choose images "
                "with --pattern, --split or --limit"
            )
        return table[self.item_id]


@lru_cache(maxsize=4)
def read_prompts(path: Path, signature: str) -> Table:
    """Read a file of prompts.

    Parameters
    ----------
    path
        A ``.csv`` or ``.json`` file.
    signature
        The file's, so that a changed one is read again.

    Raises
    ------
    DataError
        When it is none; the message names the line or the entry.
    """
    text = read_text(path)
    match path.suffix.lower():
        case ".csv":
            return _read_csv(path, text)
        case ".json":
            return _read_json(path, text)
    raise DataError(f"{path}: prompts are a .csv or a .json file")


def require_known(path: Path, images: Iterable[str]) -> None:
    """Raise a DataError when a file of prompts names an image that the dataset does not have."""
    known = set(images)
    for image in read_prompts(path, FileSource.signature(ItemPrompts(path, ""))):
        if image not in known:
            cure = meant_image(image, known)
            raise DataError(f"{path}: the dataset has no image '{image}'; {cure}")


def _read_csv(path: Path, text: str) -> Table:
    table: dict[str, dict[str, _Entry]] = {}
    for where, row in parse_rows(path, text, _PROMPTS):
        cells = {key: shown(value) for key, value in row.items()}
        objects = table.setdefault(image_of(row, where), {})
        name = cells.get("object") or where.rpartition(", ")[2]
        entry = objects.setdefault(name, _Entry())
        if any(cells.get(side) for side in _BOX):
            if entry.box is not None:
                raise DataError(f"{where}: object {name} has a box already; an object has one")
            entry.box = _box([cells.get(side, "") for side in _BOX], where)
        if cells.get("x") or cells.get("y"):
            entry.points.append([_number(cells.get(axis, ""), axis, where) for axis in ("x", "y")])
            entry.labels.append(_label(cells.get("label", ""), where))
        elif not any(cells.get(side) for side in _BOX):
            raise DataError(f"{where}: neither a point (x, y) nor a box (x0, y0, x1, y1)")
    return {
        image: tuple(_checked(each, f"{path}: {image}, {name}") for name, each in objects.items())
        for image, objects in table.items()
    }


def _read_json(path: Path, text: str) -> Table:
    content = parse_json(path, text)
    if not isinstance(content, dict) or not all(isinstance(v, list) for v in content.values()):
        raise DataError(f'{path}: not prompts; write {{"image": [{{"points": [[x, y]]}}]}}')
    return {
        composed(image): tuple(
            _checked(_entry(each, f"{path}: {image}, object {number}"), f"{path}: {image}")
            for number, each in enumerate(entries, start=1)
        )
        for image, entries in content.items()
    }


def _entry(given: Any, where: str) -> _Entry:
    if not isinstance(given, dict) or not given.keys() <= {"points", "labels", "box"}:
        raise DataError(f"{where}: an object has points, labels and box, nothing else")
    points = given.get("points", [])
    labels = given.get("labels", [1] * len(points) if isinstance(points, list) else [])
    if not isinstance(points, list) or not all(
        isinstance(point, list) and len(point) == 2 for point in points
    ):
        raise DataError(f"{where}: points are a list of [x, y]")
    if not isinstance(labels, list) or len(labels) != len(points):
        raise DataError(f"{where}: {len(points)} points need as many labels")
    box = given.get("box")
    if box is not None and not (isinstance(box, list) and len(box) == 4):
        raise DataError(f"{where}: a box is [x0, y0, x1, y1]")
    return _Entry(
        [[_number(x, "x", where), _number(y, "y", where)] for x, y in points],
        [_label(label, where) for label in labels],
        None if box is None else _box(box, where),
    )


def _box(values: list[Any], where: str) -> list[float]:
    box = [_number(value, name, where) for value, name in zip(values, _BOX, strict=True)]
    if box[0] >= box[2] or box[1] >= box[3]:
        raise DataError(f"{where}: the box is empty; x0 < x1 and y0 < y1 are needed")
    return box


def _number(value: Any, name: str, where: str) -> float:
    number = as_number(value)
    if not math.isfinite(number):
        raise DataError(f"{where}: {name} is '{value}', not a number of pixels")
    return number


def _label(value: Any, where: str) -> int:
    text = str(value).strip().lower()
    if text not in _LABELS:
        raise DataError(f"{where}: label '{value}'; 1 is on the object, 0 beside it")
    return _LABELS[text]


def _checked(entry: _Entry, where: str) -> _Entry:
    """Refuse an object without points and box."""
    if entry.box is None and 1 not in entry.labels:
        raise DataError(
            f"{where}: an object needs a box or a point on it; give background points the "
            "object of a point that is (column object)"
        )
    return entry
