"""The folders in which datasets are looked for."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from platformdirs import user_cache_path

from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.home import expand_home


def data_folders(data: Path | None = None) -> tuple[Path, ...]:
    """Return the folders that may hold datasets, in the order in which they are searched.

    A folder that the user named is the only one. Otherwise `SPAM_DATA`, where it is set, then
    the user's cache folder, which is where datasets are fetched to.
    """
    if data is not None:
        return (expand_home(data),)
    named = os.environ.get("SPAM_DATA")
    cache = user_cache_path("spam-pipe") / "datasets"
    return (expand_home(named, "SPAM_DATA"), cache) if named else (cache,)


def candidates(layouts: Sequence[str], data: Path | None) -> tuple[Path, ...]:
    """Return all candidate paths of these layouts, in search order."""
    return tuple(folder / layout for folder in data_folders(data) for layout in layouts)


def locate(name: str, places: Iterable[Path], contains: str = "") -> Path:
    """Return the first of the places that exists and has `contains` in it.

    Raises
    ------
    DataError
        When none does: it names every place, and how to get the dataset.
    """
    places = tuple(places)
    for place in places:
        if (place / contains).exists():
            return place
    looked = ", ".join(map(str, places))
    raise DataError(
        f"dataset {name} not found; looked for {looked}; get it with "
        f"`spam-pipe datasets fetch {name}`, or name the folder that holds it with SPAM_DATA "
        f"or --set dataset.root=FOLDER"
    )


def describe_places(name: str, places: Sequence[Path], contains: str = "") -> str:
    """Return the path of a dataset, or the first candidate where it is missing."""
    try:
        return str(locate(name, places, contains))
    except DataError:
        return str(places[0])
