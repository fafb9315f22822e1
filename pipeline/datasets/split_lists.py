"""The items of a split: the lists that ship with the package."""

from collections.abc import Sequence
from importlib.resources import files

from spam_pipe.pipeline.errors import DataError


def check_split(name: str, splits: Sequence[str], split: str) -> None:
    """Raise `DataError` unless the dataset has that split."""
    if split not in splits:
        raise DataError(f"dataset {name} has no split {split!r}; it has {', '.join(splits)}")


def read_split_list(file_name: str) -> tuple[str, ...]:
    """Return the ids of a list in `pipeline/datasets/splits`, in its order."""
    text = (
        files("spam_pipe.pipeline.datasets")
        .joinpath("splits", file_name)
        .read_text(encoding="ascii")
    )
    return tuple(text.split())
