"""Datasets and their items: each item is small, picklable and able to load itself."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Any, ClassVar

from spam_pipe.pipeline.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Source(ABC):
    """A piece of data that knows how to load itself: a file, a frame of a file, a drawn scene.

    Subclasses are frozen dataclasses of plain values, so that they travel to workers.
    """

    @abstractmethod
    def signature(self) -> str:
        """Say cheaply what is there now (size and modification time); changes when data may."""

    @abstractmethod
    def digest(self) -> str:
        """Return the SHA-256 (hex) of the content."""

    @abstractmethod
    def read(self) -> Any:
        """Load the content.

        Raises
        ------
        DataError
            When it cannot be read; the message names the file, what is wrong and the cure.
        """


@dataclass(frozen=True)
class FileSource(Source):
    """A source that is one whole file."""

    path: Path

    def signature(self) -> str:
        """Return the file's size and modification time."""
        try:
            status = self.path.stat()
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read: {error.strerror}") from error
        if not (S_ISREG(status.st_mode) or S_ISDIR(status.st_mode)):
            raise DataError(f"{self.path}: is a pipe or a device; remove it")
        return f"{status.st_size}:{status.st_mtime_ns}"

    def digest(self) -> str:
        """Return the SHA-256 (hex) of the file's bytes."""
        return digest_of_file(self.path)


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes; DataError where it can't be read."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class Picture:
    """An image as it was read."""

    pixels: "NDArray[np.uint8]"  # (H, W, 3) uint8, sRGB
    # (H, W) bool, False where the image has no data; None where all pixels count
    valid: "NDArray[np.bool_] | None" = None
    # how samples became colours, JSON-serialisable; empty where nothing had to be chosen
    facts: Mapping[str, Any] = field(default_factory=dict)
    # (H, W, C) float32 components of the bands not seen, where all count (`stages.principal`)
    bands: "NDArray[np.float32] | None" = None


class ImageSource(Source):
    """A source that reads as an image."""

    @property
    def may_have_gaps(self) -> bool:
        """Say, without opening anything, whether there may be pixels without data."""
        return False

    def picture(self) -> Picture:
        """Load the image with all that is known of it.

        Raises
        ------
        DataError
            As `read`.
        """
        return Picture(self.read())

    @abstractmethod
    def read(self) -> "NDArray[np.uint8]":
        """Load the pixels: (H, W, 3) uint8, sRGB."""


@dataclass(frozen=True)
class Item:
    """One image of a dataset."""

    id: str  # unique in its dataset; a relative path without suffix where the dataset is a folder
    split: str  # the split it belongs to: ``train``, ``val``, ``test`` or ``all``
    image: ImageSource  # reads as (H, W, 3) uint8 in sRGB
    # reads as a tuple of (H, W) uint32 region maps, one per annotator; None without ground truth
    annotations: Source | None = None


class Dataset(ABC):
    """A named collection of items."""

    name: ClassVar[str]  # what `--dataset` takes
    splits: ClassVar[tuple[str, ...]]  # splits it has; the first is the default

    @abstractmethod
    def items(self, split: str) -> Iterator[Item]:
        """Yield the items of a split that are there, sorted by id.

        Raises
        ------
        DataError
            When the dataset is not there (where it was looked for and how to get it) or has no
            such split (which it has).
        """

    @abstractmethod
    def expected(self, split: str) -> int | None:
        """Return how many items the split officially has; None if unknown."""

    def remarks(self, split: str) -> list[str]:
        """Say, a line each, what of the dataset was passed by."""
        return []

    @abstractmethod
    def location(self) -> str:
        """Say where the dataset is, or would be looked for."""
