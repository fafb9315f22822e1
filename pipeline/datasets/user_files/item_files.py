"""The file that belongs to an image in a folder of the user's: named as the image is."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from spam_pipe.pipeline.errors import DataError


def inside(folder: Path, item_id: str, what: str) -> PurePosixPath:
    """Return an id as a path below a folder of `what`; DataError where it leads out of it."""
    relative = PurePosixPath(item_id)
    if relative.is_absolute() or ".." in relative.parts:
        raise DataError(f"'{item_id}' leads out of the folder of {what} {folder}")
    return relative


def named_files(base: Path, suffixes: Sequence[str]) -> list[Path]:
    """Return the files that are there of a path with one suffix or another."""
    named = [base.with_name(base.name + suffix) for suffix in suffixes]
    return [path for path in named if path.is_file()]


def refuse_two(found: Sequence[Path], folder: Path, item_id: str) -> None:
    """Raise a DataError where several files of a folder are for one image."""
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise DataError(f"{folder}: {names} are both for '{item_id}'; keep one")
