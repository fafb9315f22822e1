"""Finds the file of an image in a user's folder: it is named like the image."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from spam_pipe.pipeline.datasets.user_files.names import find_named, find_place
from spam_pipe.pipeline.errors import DataError


def named_files(folder: Path, item_id: str, what: str, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files of a folder of `what` that are named like an image.

    Parameters
    ----------
    folder
        The folder.
    item_id
        The image.
    what
        What the folder is called in an error.
    suffixes
        Those that the files may have, in lower case.

    Raises
    ------
    DataError
        When the id leads out of the folder.
    """
    return find_named(folder, inside(folder, item_id, what), suffixes)


def named_folder(folder: Path, item_id: str, what: str) -> Path | None:
    """Return the subfolder that is named like an image; None without one."""
    found = find_place(folder, inside(folder, item_id, what))
    return found if found is not None and found.is_dir() else None


def inside(folder: Path, item_id: str, what: str) -> PurePosixPath:
    """Return an id as a path below a folder of `what`; DataError where it leads out of it."""
    relative = PurePosixPath(item_id)
    if relative.is_absolute() or ".." in relative.parts:
        raise DataError(f"'{item_id}' leads out of the folder of {what} {folder}")
    return relative


def refuse_two(found: Sequence[Path], folder: Path, item_id: str) -> None:
    """Raise a DataError where several files of a folder are for one image."""
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise DataError(f"{folder}: {names} are both for '{item_id}'; keep one")
