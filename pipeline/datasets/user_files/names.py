"""Equality of names: Unicode writes ``é`` as one character or as two (UAX #15)."""

import os
import re
import unicodedata
from functools import lru_cache
from pathlib import Path, PurePosixPath

_OBEYED = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]")
"""Control characters, line ends and characters that change the writing direction."""


def composed(name: str) -> str:
    """Return a name in the form in which names are compared (NFC).

    macOS hands out the other form: the same word of two machines would be two names.
    """
    return unicodedata.normalize("NFC", name)


def written(name: str) -> str:
    """Return a file's name as ids, tables and messages have it.

    Composed; bytes that are no UTF-8, and characters that a terminal obeys, are escaped.
    """
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return composed(_OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text))


def find_place(root: Path, relative: PurePosixPath) -> Path | None:
    """Return the file or folder of an id below a root; None where there is none."""
    place = root
    for part in relative.parts:
        if (place / part).exists():
            place = place / part
        elif found := _entries(place).get(composed(part), ()):
            place = place / found[0]
        else:
            return None
    return place


def find_named(root: Path, relative: PurePosixPath, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files below a root that an id names, with one of some suffixes.

    Parameters
    ----------
    root, relative
        The folder, and the id as a path.
    suffixes
        In lower case; files may have them in upper case.
    """
    folder = find_place(root, relative.parent)
    if folder is None or not folder.is_dir():
        return []
    entries = _entries(folder)
    return [
        folder / name
        for suffix in suffixes
        for name in entries.get(composed(relative.name) + suffix, ())
        if (folder / name).is_file()
    ]


def _entries(folder: Path) -> dict[str, list[str]]:
    """Return the names in a folder by their form in ids, suffixes in lower case."""
    try:
        return _listed(folder, folder.stat().st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=64)
def _listed(folder: Path, changed: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(entry.name for entry in folder.iterdir()):
        called = written(name)
        suffix = PurePosixPath(called).suffix
        keys = {called, called.removesuffix(suffix) + suffix.lower()}
        for key in keys:
            found.setdefault(key, []).append(name)
    return found
