"""Exported files reach their folder all together, or none does."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.store.folder import LocalFolder, require_writable

_STORES = (".zarr",)
"""Ends of the names of folders that are one thing, as a file is."""


@contextmanager
def placed(target: Path, *, replace: bool) -> Iterator[LocalFolder]:
    """Yield a folder to write to; what is in it moves to `target` when the block ends well.

    Parameters
    ----------
    target
        Where files go; folders above it are made.
    replace
        Write over what is there and holds something else.

    Raises
    ------
    UserError
        When the folder cannot be written to, or holds another file of the same name: then nothing
        is changed.
    """
    made = [folder for folder in (target, *target.parents) if not folder.exists()]
    try:
        require_writable(LocalFolder(target))
        with tempfile.TemporaryDirectory(prefix=".", suffix=".partial", dir=target) as beside:
            yield LocalFolder(Path(beside))
            _move(Path(beside), target, replace)
    finally:
        for folder in made:  # where nothing was placed, no folder stays
            with suppress(OSError):
                folder.rmdir()


def _move(source: Path, target: Path, replace: bool) -> None:
    moves = [(path, target / path.relative_to(source)) for path in _entries(source)]
    for path, goal in moves:
        above = next(each for each in goal.parents if each.exists())
        if not above.is_dir():
            raise UserError(f"{above}: is a file where a folder is needed; export elsewhere")
        if goal.exists() and not replace and not _same(path, goal):
            raise UserError(
                f"{goal}: is there and holds something else; export to another folder, or "
                "--replace writes over it"
            )
    for path, goal in moves:
        goal.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and goal.exists():
            shutil.rmtree(goal)
        path.replace(goal)


def _entries(folder: Path) -> Iterator[Path]:
    """Yield files, and the folders that are one thing."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.endswith(_STORES):
            yield from _entries(path)
        else:
            yield path


def _same(one: Path, other: Path) -> bool:
    if one.is_dir() and other.is_dir():
        names = [
            sorted(str(file.relative_to(each)) for file in each.rglob("*") if file.is_file())
            for each in (one, other)
        ]
        return names[0] == names[1] and all(_same(one / name, other / name) for name in names[0])
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()
