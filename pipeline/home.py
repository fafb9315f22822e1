"""The home folder in paths."""

from pathlib import Path

from spam_pipe.pipeline.errors import DataError


def expand_home(path: str | Path, option: str = "") -> Path:
    """Return a path with ``~`` replaced by the home folder.

    Parameters
    ----------
    path
        As it was given.
    option
        The option that it came with, for an error.

    Raises
    ------
    DataError
        When it begins with ``~NAME`` of somebody whom this machine does not know.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DataError(f"{option} {path}: there is no such home folder".lstrip()) from error
