"""The user's factors as a table: a CSV or JSON file of clicks and objects for all images.

CSV: a row per click with the columns ``image``, ``x``, ``y``, ``factor``, or per object with
``image``, ``object``, ``factor``, or per object of the user's own with ``image``, ``mask``,
``factor``: a picture of the image's size, named from the table's folder, that is not 0 inside. A
click may say in ``k`` for how many superpixels the object is meant as the prior cuts it; without
it the object is meant that is there at each number. JSON: a list of such rows. Images are named by
their ids; a suffix is accepted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.images.kinds import IMAGE_SUFFIXES
from spam_pipe.pipeline.datasets.user_files.image_rows import (
    Row,
    RowKind,
    as_number,
    image_of,
    parse_rows,
    read_text,
    shown,
    whole,
)
from spam_pipe.pipeline.datasets.user_files.label_file import LabelFile
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import FileSource, digest_of_file
from spam_pipe.stages.attention.user_factors import Click, Drawn, UserFactors
from spam_pipe.stages.csv_cells import original

SUFFIXES = (".csv", ".json")
SMALLEST, LARGEST = 0.001, 1000.0
"""Factors between which a share can be multiplied."""

_FACTORS = RowKind(
    "factors",
    # ``number`` is for people, who find it on the exported picture.
    ("image", "x", "y", "object", "mask", "k", "factor", "number"),
    ("image", "factor"),
    (("x", "y"), ("object",), ("mask",)),
    "its columns are image, x, y, factor (clicks), image, object, factor or image, mask, factor",
    '[{"image": "a", "x": 10, "y": 20, "factor": 2}]',
    also=", and k",
)


@dataclass(frozen=True)
class FactorTable:
    """The contents of a file."""

    names: tuple[str, ...]  # the images, as it names them
    # what it says, by each id that a name may mean; drawn objects are in `masks`
    factors: Mapping[str, UserFactors]
    masks: Mapping[str, Sequence[tuple[Path, float]]]  # by id: pictures, each with its factor


@dataclass(frozen=True)
class ItemFactors(FileSource):
    """The factors of one image in a table (.csv or .json); reads as `UserFactors`."""

    item_id: str  # the image

    def signature(self) -> str:
        """Return size and modification time of the table and of its masks for this image."""
        masks = [LabelFile(path).signature() for path, _ in self._masks()]
        return " ".join([super().signature(), *masks])

    def digest(self) -> str:
        """Return the SHA-256 (hex) of this image's factors alone."""
        factors = self._said()
        plain: list[Any] = [[astuple(click) for click in factors.clicks], factors.objects]
        if masks := self._masks():
            plain.append([(digest_of_file(path), factor) for path, factor in masks])
        return sha256(json.dumps(plain).encode()).hexdigest()

    def read(self) -> UserFactors:
        """Return the image's factors; none where the table does not name it."""
        drawn = [Drawn(_inside(path), factor) for path, factor in self._masks()]
        return replace(self._said(), drawn=tuple(drawn))

    def table(self) -> FactorTable:
        """Return the factors of all images."""
        return read_factors(self.path, super().signature())

    def _said(self) -> UserFactors:
        return self.table().factors.get(self.item_id, UserFactors())

    def _masks(self) -> Sequence[tuple[Path, float]]:
        return self.table().masks.get(self.item_id, ())


def names_of(name: str) -> tuple[str, ...]:
    """Return the ids that a name may mean: the name with and without suffix."""
    suffix = Path(name).suffix
    return (name, name.removesuffix(suffix)) if suffix.lower() in IMAGE_SUFFIXES else (name,)


@lru_cache(maxsize=4)
def read_factors(path: Path, signature: str) -> FactorTable:
    """Read a table of factors.

    Parameters
    ----------
    path
        A ``.csv`` or ``.json`` file.
    signature
        The file's, so that a changed one is read again.

    Raises
    ------
    DataError
        When it is none; the message names the line or the entry, and the cure.
    """
    rows = parse_rows(path, read_text(path), _FACTORS)
    names: dict[str, None] = {}
    clicks: dict[str, list[Click]] = {}
    objects: dict[str, dict[int, float]] = {}
    masks: dict[str, list[tuple[Path, float]]] = {}
    for where, row in rows:
        name = image_of(row, where)
        factor = _factor(row.get("factor"), where)
        places = [each for each in ("mask", "object", "x") if _given(row, each)]
        beside = places != ["x"] and any(_given(row, each) for each in ("y", "k"))
        if len(places) > 1 or (places and beside):
            raise DataError(f"{where}: either x and y, an object or a mask, not two of them")
        if places == ["mask"]:
            mask = original(shown(row["mask"]))
            if not mask.isprintable():
                raise DataError(f"{where}: {mask!r} is no name of a picture")
            file = path.parent / mask
            for item_id in names_of(name):
                masks.setdefault(item_id, []).append((file, factor))
        elif places == ["object"]:
            number = whole(row["object"], "object", where)
            for item_id in names_of(name):
                if number in objects.setdefault(item_id, {}):
                    raise DataError(f"{where}: object {number} of {name} has a factor already")
                objects[item_id][number] = factor
        else:
            x, y = (whole(row.get(axis), axis, where) for axis in ("x", "y"))
            k = whole(row["k"], "k", where) if _given(row, "k") else None
            if k is not None and k < 1:
                raise DataError(f"{where}: k is a number of superpixels, at least 1, not {k}")
            for item_id in names_of(name):
                clicks.setdefault(item_id, []).append(Click(x, y, factor, k))
        names[name] = None
    return FactorTable(
        tuple(names),
        {
            item_id: UserFactors(
                tuple(clicks.get(item_id, ())), tuple(sorted(objects.get(item_id, {}).items()))
            )
            for item_id in {**clicks, **objects, **masks}
        },
        masks,
    )


def _inside(path: Path) -> NDArray[np.bool_]:
    """Return the (H, W) pixels that are not 0 in a picture."""
    (values,) = LabelFile(path).read()[:1]
    inside: NDArray[np.bool_] = values > 0
    return inside


def _given(row: Row, column: str) -> bool:
    value = row.get(column)
    return value is not None and str(value).strip() != ""


def _factor(value: Any, where: str) -> float:
    number = as_number(value)
    if not SMALLEST <= number <= LARGEST:
        raise DataError(
            f"{where}: '{shown(value)}' is no factor: write a number from {SMALLEST:g} to "
            f"{LARGEST:g}, such as 2 or 0.5 (1 changes nothing)"
        )
    return number
