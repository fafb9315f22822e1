"""Reads the user's tables, CSV or JSON, with a row per point, box or object."""

import csv
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spam_pipe.pipeline.datasets.user_files.names import composed
from spam_pipe.pipeline.errors import DataError
from spam_pipe.stages.csv_cells import original

Row = Mapping[str, Any]


@dataclass(frozen=True)
class RowKind:
    """A kind of rows: its columns, and the words that errors use."""

    what: str  # what they are, in the plural
    columns: tuple[str, ...]  # all that they may have
    needed: tuple[str, ...]  # columns that it must have
    places: tuple[tuple[str, ...], ...]  # columns of which it must have all of one group
    how: str  # A clause that names the columns
    example: str  # A JSON list of one row
    also: str = ""  # what may stand beside these, as the clause's end
    surplus: str = ""  # cure of a CSV row with more cells than there are columns


def read_text(path: Path) -> str:
    """Return a file's text; DataError if it is no text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text: {error}") from error


def parse_json(path: Path, text: str) -> Any:
    """Return a file's JSON; DataError where it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        raise DataError(f"{path}: not JSON: {error}") from error


def parse_rows(path: Path, text: str, kind: RowKind) -> Iterable[tuple[str, Row]]:
    """Yield each row with its place, CSV or JSON as the path's suffix says.

    Raises
    ------
    DataError
        When it is no such table; the message names the line or the entry, and the cure.
    """
    read = _csv_rows if path.suffix.lower() == ".csv" else _json_rows
    return read(path, text, kind)


def shown(value: Any) -> str:
    """Return a cell as text; empty if the cell is."""
    return "" if value is None else str(value).strip()


def image_of(row: Row, where: str) -> str:
    """Return the image that a row names; DataError where it names none.

    A spreadsheet's apostrophe, behind which our own tables have some names, is undone.
    """
    name = composed(original(shown(row.get("image"))))
    if not name:
        raise DataError(f"{where}: no image is named")
    return name


def as_number(value: Any) -> float:
    """Return a cell as a number; NaN if it is no number."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (OverflowError, TypeError, ValueError):
        return math.nan


def whole(value: Any, name: str, where: str) -> int:
    """Return the cell of a column as a whole number, rounded down; DataError if it is no number."""
    number = as_number(value)
    if not math.isfinite(number) or abs(number) > 2**31:
        meaning = {"object": "the number of an object", "k": "a number of superpixels"}
        raise DataError(
            f"{where}: {name} is '{shown(value)}', not {meaning.get(name, 'a number of pixels')}"
        )
    return math.floor(number)


def _csv_rows(path: Path, text: str, kind: RowKind) -> Iterable[tuple[str, Row]]:
    lines = text.splitlines()
    # A spreadsheet set to a language with decimal commas separates columns by semicolons.
    separator = ";" if lines and ";" in lines[0] else ","
    reader = csv.DictReader(lines, delimiter=separator)
    try:
        columns = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        _check_columns(columns, str(path), kind)
        reader.fieldnames = columns
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if None in row:
                raise DataError(
                    f"{where}: has more cells than the first line has columns{kind.surplus}"
                )
            yield where, row
    except csv.Error as error:
        raise DataError(f"{path}: not a table: {error}") from error


def _json_rows(path: Path, text: str, kind: RowKind) -> Iterable[tuple[str, Row]]:
    content = parse_json(path, text)
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise DataError(f"{path}: not {kind.what}; write {kind.example}")
    for number, row in enumerate(content, start=1):
        _check_columns(row, f"{path}, entry {number}", kind)
        yield f"{path}, entry {number}", row


def _check_columns(columns: Iterable[str], where: str, kind: RowKind) -> None:
    given = set(columns)
    if unknown := sorted(given - set(kind.columns)):
        raise DataError(
            f"{where}: no such column as '{unknown[0]}' in {kind.what}; {kind.how}{kind.also}"
        )
    missing = sorted(set(kind.needed) - given)
    if not missing and not any(given.issuperset(place) for place in kind.places):
        missing = sorted(set(kind.places[0]) - given)
    if missing:
        raise DataError(f"{where}: the column {' and '.join(missing)} is missing; {kind.how}")
