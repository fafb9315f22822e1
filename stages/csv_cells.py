"""Tables that spreadsheets open: every CSV is written here, and no name in one is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV, texts among them as `inert` has them; lines end in a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_inert(cell) for cell in row] for row in rows)
    return text.getvalue()


def write_frame(frame: pd.DataFrame, target: Any, float_format: str | None = None) -> None:
    """Write a table as CSV, texts in it as `inert` has them, what is undefined empty.

    Parameters
    ----------
    frame
        The table; its index is left out.
    target
        A path, any fsspec URL, or a file open for text (with ``newline=""``) or bytes.
    float_format
        How floats are written; by default so that they read back the same.
    """
    written = frame.copy(deep=False)
    for name in frame.select_dtypes(exclude="number"):
        written[name] = frame[name].map(_inert)
    written.to_csv(target, index=False, float_format=float_format, na_rep="", lineterminator="\n")


def inert(text: str) -> str:
    """Return a cell's text so that no spreadsheet computes it: behind an apostrophe if need be.

    Else an image named ``=cmd|…`` would run a command where the table is opened (CWE-1236).
    Numbers, and so an image called ``-01``, stay as they are; `original` undoes it.
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def original(text: str) -> str:
    """Return a cell's text as it was before `inert`."""
    return text[1:] if text[:1] == "'" and inert(text[1:]) == text else text


def _inert(value: Any) -> Any:
    # A carriage return would end a line for some readers, and is not put in quotes.
    return inert(value.replace("\r", " ")) if isinstance(value, str) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii()
