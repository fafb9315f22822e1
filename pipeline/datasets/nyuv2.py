"""NYU Depth V2, the labelled subset (Silberman et al., ECCV 2012)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.lookup import candidates, describe_places, locate
from spam_pipe.pipeline.datasets.nyuv2_regions import MARGIN, crop, near_white, region_map
from spam_pipe.pipeline.datasets.split_lists import check_split, read_split_list
from spam_pipe.pipeline.datasets.user_files.label_file import Annotations
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Dataset, FileSource, ImageSource, Item

_LARGEST_CHUNK = 2**26  # values
_MOST_FRAMES = 10_000  # the data set has 1,449; all are looked at
_FILE = "nyu_depth_v2_labeled.mat"
_LAYOUTS = (f"nyuv2/{_FILE}", f"NYUV2/{_FILE}", f"NYUv2/{_FILE}", _FILE, "")
_LISTS = {"test": "nyuv2_test_subset.txt", "val": "nyuv2_train_subset.txt"}


@dataclass(frozen=True)
class NyuV2(Dataset):
    """Indoor scenes of 448×608 (cropped), one annotation each.

    The validation split is the benchmark's subset of the official training set. The lists hold
    400 and 200 frames; publications count 399 and 199, the lists' last lines having no line feed.
    """

    # the folder that holds ``nyu_depth_v2_labeled.mat``, or the file itself
    data: Path | None = None

    name: ClassVar[str] = "nyuv2"
    splits: ClassVar[tuple[str, ...]] = ("test", "val", "all")

    def items(self, split: str) -> Iterator[Item]:
        """Yield the split's frames, sorted by id; the file is not opened."""
        check_split(self.name, self.splits, split)
        file = locate(self.name, self._places())
        found = [
            Item(f"{number:08d}", part, FrameImage(file, number), FrameAnnotations(file, number))
            for part in _parts(split)
            for number in map(int, read_split_list(_LISTS[part]))
        ]
        return iter(sorted(found, key=lambda item: item.id))

    def expected(self, split: str) -> int:
        """Return the length of the split's list."""
        return sum(len(read_split_list(_LISTS[part])) for part in _parts(split))

    def location(self) -> str:
        """Return the file's path."""
        return describe_places(self.name, self._places())

    def _places(self) -> tuple[Path, ...]:
        # A folder exists whether or not the file is in it: only files count.
        places = candidates(_LAYOUTS, self.data)
        return tuple(place for place in places if not place.is_dir())


def _parts(split: str) -> tuple[str, ...]:
    return tuple(_LISTS) if split == "all" else (split,)


@dataclass(frozen=True)
class Frame(FileSource):
    """A frame of the file, which is far too large to be hashed for each."""

    number: int  # the frame's number, from 1

    def signature(self) -> str:
        """Return the file's size and modification time, and the frame."""
        return f"{super().signature()}:{self.number}"


@dataclass(frozen=True)
class FrameImage(Frame, ImageSource):
    """A frame's colour image; reads as (448, 608, 3) uint8."""

    def digest(self) -> str:
        """Return the SHA-256 of the frame's colours."""
        return _hash(_colors(self.path, self.number))

    def read(self) -> NDArray[np.uint8]:
        """Load and crop the image."""
        return crop(_colors(self.path, self.number))


@dataclass(frozen=True)
class FrameAnnotations(Frame):
    """A frame's ground truth; reads as one (448, 608) uint32 region map."""

    def digest(self) -> str:
        """Return the SHA-256 of all that the ground truth is made from."""
        labels, instances = _labels(self.path, self.number)
        return _hash(labels, instances, _frame(self.path, labels.shape))

    def read(self) -> Annotations:
        """Load the labels, fill their gaps and crop them."""
        labels, instances = _labels(self.path, self.number)
        return (crop(region_map(labels, instances, _frame(self.path, labels.shape))),)


def _hash(*arrays: NDArray[Any]) -> str:
    hasher = sha256()
    for array in arrays:
        hasher.update(f"{array.shape}{array.dtype.str}".encode())
        hasher.update(array.tobytes())
    return hasher.hexdigest()


def _colors(path: Path, number: int) -> NDArray[np.uint8]:
    with _opened(path) as file:
        colors = _read_frame(file, "images", number, path)
    if colors.ndim != 3 or colors.shape[2] != 3 or colors.dtype != np.uint8:
        raise DataError(f"{path}: `images` holds {colors.dtype} {colors.shape}; get it again")
    return colors


def _labels(path: Path, number: int) -> tuple[NDArray[Any], NDArray[Any]]:
    with _opened(path) as file:
        labels = _read_frame(file, "labels", number, path)
        instances = _read_frame(file, "instances", number, path)
    if labels.ndim != 2 or labels.shape != instances.shape or "f" in labels.dtype.kind:
        raise DataError(f"{path}: `labels` and `instances` do not fit together; get it again")
    return labels, instances


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except DataError:
        raise
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise DataError(
            f"{path}: cannot be read as MATLAB 7.3 (HDF5); fetch it again with "
            f"`spam-pipe datasets fetch nyuv2`"
        ) from error


def _read_frame(file: Any, name: str, number: int, path: Path) -> NDArray[Any]:
    """Read a frame; MATLAB's (H, W, 3, frame) lies in the file as (frame, 3, W, H)."""
    array = file.get(name)
    if array is None or getattr(array, "ndim", 0) not in (3, 4):
        raise DataError(f"{path}: has no array `{name}`; it is not the labelled NYU Depth V2")
    if array.external or array.is_virtual or array.file.filename != file.filename:
        raise DataError(f"{path}: `{name}` lies in another file; get it again")
    if array.dtype.kind not in "iu" or prod(array.chunks or ()) > _LARGEST_CHUNK:
        raise DataError(f"{path}: `{name}` holds {array.dtype} in chunks of {array.chunks}")
    if not 1 <= number <= array.shape[0]:
        raise DataError(f"{path}: has {array.shape[0]} frames, not frame {number}")
    large = max(array.shape[1:]) > 4096 or array.shape[0] > _MOST_FRAMES
    if large or min(array.shape[-2:]) <= 2 * MARGIN:
        raise DataError(f"{path}: `{name}` has the shape {array.shape}; get it again")
    frame: NDArray[Any] = array[number - 1].T
    return np.ascontiguousarray(frame)


def _frame(path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    status = path.stat()
    frame = _white_frame(path, status.st_size, status.st_mtime_ns)
    if frame.shape != shape:
        raise DataError(f"{path}: images of {frame.shape}, labels of {shape}; get it again")
    return frame


@lru_cache(maxsize=2)
def _white_frame(path: Path, size: int, modified: int) -> NDArray[np.bool_]:
    """Return the (H, W) pixels that are white in every frame of the file.

    All images have to be looked at, so it is done once per process and state of the file.
    """
    with _opened(path) as file:
        first = _read_frame(file, "images", 1, path)
        white = near_white(first)
        candidates_left = np.flatnonzero(white)
        for number in range(2, file["images"].shape[0] + 1):
            if candidates_left.size == 0:
                break
            colors = _read_frame(file, "images", number, path).reshape(-1, 3)
            candidates_left = candidates_left[near_white(colors[candidates_left])]
    frame = np.zeros(white.shape, dtype=bool)
    frame.ravel()[candidates_left] = True
    frame.flags.writeable = False
    return frame
