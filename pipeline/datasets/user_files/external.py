"""Label maps that another program made: `<folder>/<method>/<K>/<image>.png`."""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.user_files.item_files import named_files, refuse_two
from spam_pipe.pipeline.datasets.user_files.label_file import LABEL_SUFFIXES, LabelFile
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.items import FileSource

SUFFIXES = (*LABEL_SUFFIXES, ".csv")


def require_maps(folder: str, counts: Collection[int]) -> Path:
    """Return a method's folder of label maps.

    Raises
    ------
    DataError
        When it is not there, or has no folder for one of the numbers of superpixels.
    """
    path = expand_home(folder)
    if not path.is_dir():
        raise DataError(
            f"{path}: there is no such folder of label maps; segment.external is the folder that "
            f"holds {path.name}"
        )
    there = [int(each.name) for each in _count_folders(path)]
    if missing := sorted({*counts} - {*there}):
        raise DataError(
            f"{path}: holds no folder {', '.join(map(str, missing))}; there is one for "
            f"{', '.join(map(str, sorted(there))) or 'no number of superpixels'}: ask for those "
            "with -k"
        )
    return path


@dataclass(frozen=True)
class ExternalMaps(FileSource):
    """A method's label maps of one image; reads as a mapping from K to (H, W) uint32.

    `path` is the method's folder, which holds one folder for each K. PNG, TIFF, npy and mat are
    read as `LabelFile` says; csv is a row of integers per row of pixels. The labels' numbers don't
    matter. A K without a map is left out.
    """

    item_id: str  # the image

    def signature(self) -> str:
        """Return size and modification time of every map."""
        return _digest({n: LabelFile(path).signature() for n, path in self._files().items()})

    def digest(self) -> str:
        """Return the SHA-256 of every map's number of superpixels and content."""
        return _digest({n: LabelFile(path).digest() for n, path in self._files().items()})

    def read(self) -> dict[int, NDArray[np.uint32]]:
        """Load the maps."""
        return {n: _read(path) for n, path in self._files().items()}

    def _files(self) -> dict[int, Path]:
        """Return the image's file for each K that has one."""
        files = {}
        for folder in _count_folders(self.path):
            found = named_files(folder, self.item_id, "label maps", SUFFIXES)
            refuse_two(found, folder, self.item_id)
            if found:
                files[int(folder.name)] = found[0]
        return files


def _count_folders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(
        folder for folder in path.iterdir() if folder.name.isdecimal() and folder.is_dir()
    )


def _digest(parts: dict[int, str]) -> str:
    lines = [f"{n} {part}" for n, part in sorted(parts.items())]
    return sha256("\n".join(lines).encode()).hexdigest()


def _read(path: Path) -> NDArray[np.uint32]:
    if path.suffix.lower() == ".csv":
        return _read_csv(path)
    maps = LabelFile(path).read()
    if len(maps) > 1:
        raise DataError(f"{path}: holds {len(maps)} label maps; one is expected")
    return maps[0]


def _read_csv(path: Path) -> NDArray[np.uint32]:
    try:
        labels = np.loadtxt(path, dtype=np.int64, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: is not a label map: write integers separated by commas, a line per row"
        ) from error
    if labels.size == 0 or labels.min() < 0 or labels.max() > np.iinfo(np.uint32).max:
        raise DataError(f"{path}: labels must lie between 0 and 2^32 - 1")
    return labels.astype(np.uint32)
