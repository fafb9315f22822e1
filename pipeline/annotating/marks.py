"""The user's clicks and scribbles: a CSV or JSON file of points, or label pictures.

CSV: a row per click with the columns ``image``, ``x``, ``y``, ``class``, or per object of the
prior with ``image``, ``object``, ``class``. JSON: a list of such rows. Scribbles: a picture named
like its image, or a folder of them; what is 0 (black) says nothing, each other value or colour is
a class. Images are named by their ids; a suffix is accepted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.user_files.factor_table import names_of
from spam_pipe.pipeline.datasets.user_files.image_rows import (
    Row,
    RowKind,
    image_of,
    parse_rows,
    read_text,
    shown,
    whole,
)
from spam_pipe.pipeline.datasets.user_files.label_file import LABEL_SUFFIXES, LabelFile
from spam_pipe.pipeline.datasets.user_files.names import written
from spam_pipe.pipeline.errors import DataError
from spam_pipe.stages.annotate.votes import Clicks
from spam_pipe.stages.csv_cells import original
from spam_pipe.stages.suggestion import meant_image

TABLES = (".csv", ".json")
LARGEST_CLASS = 0xFFFF
"""The largest value of a 16-bit PNG."""

_CLICKS = RowKind(
    "clicks",
    ("image", "x", "y", "object", "class"),
    ("image", "class"),
    (("x", "y"), ("object",)),
    "its columns are image, x, y, class (clicks) or image, object, class",
    '[{"image": "a", "x": 10, "y": 20, "class": "sky"}]',
    surplus='; put a class name with a comma in quotes: "grass, dry"',
)


@dataclass
class ImageMarks:
    """The marks of one image."""

    # column, row and class of each click
    points: list[tuple[int, int, int]] = field(default_factory=list)
    # number and class of each object of the prior
    objects: list[tuple[int, int]] = field(default_factory=list)
    scribbles: Path | None = None  # file of the picture that says it instead


@dataclass(frozen=True)
class Marks:
    """The marks of all images."""

    images: Mapping[str, ImageMarks]  # by name, as the files have it
    classes: Mapping[int, str]  # names by number


def _number_classes(written: Iterable[str]) -> dict[str, int]:
    """Number classes: as they are written if all are numbers, else in the order they come up."""
    distinct = list(dict.fromkeys(written))
    if all(text.isdecimal() and text.isascii() for text in distinct):
        return {text: int(text) for text in distinct}
    return {text: number for number, text in enumerate(distinct, start=1)}


def read_marks(path: Path) -> Marks:
    """Read a file of clicks, a picture of scribbles or a folder of them.

    Raises
    ------
    DataError
        When it is none of these or says nothing; the message names the line or the entry, and
        the cure.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder of clicks")
    if path.is_dir() or path.suffix.lower() in LABEL_SUFFIXES:
        return _read_scribbles(path)
    if path.suffix.lower() not in TABLES:
        raise DataError(
            f"{path}: clicks are a .csv or .json file; scribbles are label pictures "
            f"({', '.join(LABEL_SUFFIXES)}) or a folder of them"
        )
    text = read_text(path)
    if not text.strip():
        raise DataError(f"{path}: is empty; {_CLICKS.how}")
    rows = list(parse_rows(path, text, _CLICKS))
    if not rows:
        raise DataError(f"{path}: holds no click; write one a line: {_CLICKS.how}")
    return _marks(rows)


def read_scribbles(path: Path, numbers: Mapping[int, int], shape: tuple[int, ...]) -> Clicks:
    """Return the pixels of a picture of scribbles, in raster order.

    Parameters
    ----------
    path
        The picture.
    numbers
        Numbers of the classes by the values (colours as red·2¹⁶ + green·2⁸ + blue) there.
    shape
        Of the image.

    Raises
    ------
    DataError
        When it can't be read or has another size.
    """
    (values,) = LabelFile(path).read()[:1]
    if values.shape != shape:
        sizes = [f"{columns} × {rows}" for rows, columns in (values.shape, shape)]
        raise DataError(
            f"{path}: the scribbles are {sizes[0]} pixels, the image is {sizes[1]}: paint on a "
            "picture of its size"
        )
    rows, columns = np.nonzero(values)
    written, place = np.unique(values[rows, columns], return_inverse=True)
    own = np.array([numbers[int(value)] for value in written], np.int64)
    return Clicks(rows, columns, own[place.ravel()])


def scribble_numbers(classes: Mapping[int, str]) -> dict[int, int]:
    """Return the classes' numbers by the values that pictures of scribbles hold for them."""
    return {
        int(name[1:], 16) if name.startswith("#") else int(name): number
        for number, name in classes.items()
    }


def clicks_of(marks: ImageMarks) -> Clicks:
    """Return the clicks of a table on one image as arrays."""
    table = np.array(marks.points, np.int64).reshape(-1, 3)
    return Clicks(table[:, 1], table[:, 0], table[:, 2])


def paint_objects(marks: ImageMarks, finest: NDArray[np.integer[Any]] | None) -> NDArray[np.int64]:
    """Return the (H, W) classes of the objects that a table names, 0 elsewhere.

    Parameters
    ----------
    marks
        The rows of one image.
    finest
        (H, W) objects that the rows number, 0 = uncertain; None without a prior.

    Raises
    ------
    DataError
        When the prior has no such object.
    """
    if finest is None:
        raise DataError(
            "an object is named but the run has no prior: click on it with x and y instead, or "
            "make a run with --prior contour"
        )
    n = int(finest.max())
    own = np.zeros(n + 1, np.int64)
    for number, name in marks.objects:
        if not 1 <= number <= n:
            raise DataError(
                f"the prior has no object {number}: its finest ones are 1 to {n} here; "
                "`spam-pipe export FOLDER --what objects` writes them (large images: with -k K)"
            )
        own[number] = name
    painted: NDArray[np.int64] = own[finest]
    return painted


def _marks(rows: list[tuple[str, Row]]) -> Marks:
    written = [_class(row, where) for where, row in rows]
    numbers = _number_classes(written)
    images: dict[str, ImageMarks] = {}
    for (where, row), text in zip(rows, written, strict=True):
        if not 1 <= numbers[text] <= LARGEST_CLASS:
            raise DataError(
                f"{where}: class {text} is no number of a class: they are 1 to {LARGEST_CLASS}; "
                "0 stands for what has none"
            )
        name = image_of(row, where)
        own = images.setdefault(name, ImageMarks())
        if shown(row.get("object")):
            if any(shown(row.get(axis)) for axis in ("x", "y")):
                raise DataError(f"{where}: either x and y or an object, not both")
            number = whole(row["object"], "object", where)
            if any(number == other for other, _ in own.objects):
                raise DataError(f"{where}: object {number} of {name} has a class already")
            own.objects.append((number, numbers[text]))
        else:
            x, y = (whole(row.get(axis), axis, where) for axis in ("x", "y"))
            own.points.append((x, y, numbers[text]))
    return Marks(images, dict(sorted((number, text) for text, number in numbers.items())))


def _read_scribbles(path: Path) -> Marks:
    files = sorted(
        file
        for file in (path.rglob("*") if path.is_dir() else [path])
        if file.is_file() and file.suffix.lower() in LABEL_SUFFIXES
    )
    if not files:
        raise DataError(
            f"{path}: no picture of scribbles is in there ({', '.join(LABEL_SUFFIXES)}, named "
            "like the images)"
        )
    images: dict[str, ImageMarks] = {}
    values: set[int] = set()
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        name = written(name.removesuffix(file.suffix))
        if name in images:
            raise DataError(f"{path}: two files are for '{name}'; keep one")
        (labels,) = LabelFile(file).read()[:1]
        own = set(np.unique(labels).tolist()) - {0}
        if not own:
            raise DataError(f"{file}: holds no scribble: all of it is 0; paint classes, or move it")
        images[name] = ImageMarks(scribbles=file)
        values |= own
    if max(values) <= LARGEST_CLASS:
        return Marks(images, {value: str(value) for value in sorted(values)})
    if len(values) > LARGEST_CLASS:
        raise DataError(f"{path}: {len(values)} colours; save scribbles without smoothing, as PNG")
    return Marks(images, {number: f"#{v:06x}" for number, v in enumerate(sorted(values), start=1)})


def _class(row: Row, where: str) -> str:
    value = row.get("class")
    text = original(shown(value))
    if not text or isinstance(value, bool | float | list | dict):
        raise DataError(f"{where}: no class is named; write a name or a whole number from 1")
    if not text.isprintable():
        raise DataError(f"{where}: the class {text!r} can't be printed; choose another name")
    return text


def match_images(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Return the id of the image that each name means.

    Raises
    ------
    DataError
        When there is no such image, or two names mean the same; the message suggests one.
    """
    ids = set(known)
    found: dict[str, str] = {}
    for name in names:
        meant = next((each for each in names_of(name) if each in ids), None)
        if meant is None:
            raise DataError(f"the run has no image '{name}'; {meant_image(name, ids)}")
        if meant in found.values():
            raise DataError(f"image '{meant}' is named in two ways; write '{meant}' alone")
        found[name] = meant
    return found
