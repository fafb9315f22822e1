"""The user's factors as a table: a CSV or JSON file of clicks and objects for all images.

CSV: a row per click with the columns ``image``, ``x``, ``y``, ``factor``, or per object with
``image``, ``object``, ``factor``. A click may say in ``k`` for how many superpixels the object is
meant as the prior cuts it; without it the object is meant that is there at each number. JSON: a
list of such rows. Images are named by their ids; a suffix is accepted.
"""

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

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
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import FileSource
from spam_pipe.stages.attention.user_factors import Click, UserFactors

SUFFIXES = (".csv", ".json")
SMALLEST, LARGEST = 0.001, 1000.0
"""Factors between which a share can be multiplied."""

_FACTORS = RowKind(
    "factors",
    # ``number`` is for people, who find it on the exported picture.
    ("image", "x", "y", "object", "k", "factor", "number"),
    ("image", "factor"),
    (("x", "y"), ("object",)),
    "its columns are image, x, y, factor (clicks) or image, object, factor",
    '[{"image": "a", "x": 10, "y": 20, "factor": 2}]',
    also=", and k",
)


@dataclass(frozen=True)
class FactorTable:
    """The contents of a file."""

    names: tuple[str, ...]  # the images, as it names them
    factors: Mapping[str, UserFactors]  # what it says, by each id that a name may mean


@dataclass(frozen=True)
class ItemFactors(FileSource):
    """The factors of one image in a table; reads as `UserFactors`.

    Attributes
    ----------
    path
        A ``.csv`` or ``.json`` file.
    item_id
        The image.
    """

    item_id: str

    def digest(self) -> str:
        """Return the SHA-256 (hex) of this image's factors alone."""
        factors = self.read()
        plain = [[astuple(click) for click in factors.clicks], factors.objects]
        return sha256(json.dumps(plain).encode()).hexdigest()

    def read(self) -> UserFactors:
        """Return the image's factors; none where the table does not name it."""
        table = read_factors(self.path, self.signature())
        return table.factors.get(self.item_id, UserFactors())


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
    for where, row in rows:
        name = image_of(row, where)
        factor = _factor(row.get("factor"), where)
        if _given(row, "object"):
            if any(_given(row, column) for column in ("x", "y", "k")):
                raise DataError(f"{where}: either x and y or an object, not both")
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
            for item_id in {**clicks, **objects}
        },
    )


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
