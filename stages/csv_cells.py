"""Texts of tables that spreadsheets open: names of images are not formulas."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def inert(text: str) -> str:
    """Return a cell's text so that no spreadsheet computes it: behind an apostrophe if need be.

    Whoever names an image ``=cmd|…`` would else have it run where the table is opened (CWE-1236).
    Numbers, and so an image called ``-01``, stay as they are; `original` undoes it.
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def original(text: str) -> str:
    """Return a cell's text as it was before `inert`."""
    return text[1:] if text[:1] == "'" and inert(text[1:]) == text else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii()
