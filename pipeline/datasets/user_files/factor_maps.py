"""The user's factors as maps: an npy of factors, or a picture painted in grey, for each image."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import UnidentifiedImageError

from spam_pipe.pipeline.datasets.guards.limits import MAX_PIXELS
from spam_pipe.pipeline.datasets.guards.npy_content import map_npy
from spam_pipe.pipeline.datasets.images.image_file import opened_picture
from spam_pipe.pipeline.datasets.images.orientation import orientation_of, upright
from spam_pipe.pipeline.datasets.images.strips import strips_of
from spam_pipe.pipeline.datasets.user_files.factor_table import LARGEST, SMALLEST
from spam_pipe.pipeline.datasets.user_files.item_files import named_files, refuse_two
from spam_pipe.pipeline.datasets.user_files.listing import list_files
from spam_pipe.pipeline.datasets.user_files.names import written
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import FileSource
from spam_pipe.stages.attention.user_factors import UserFactors

SUFFIXES = (".npy", ".png")


@dataclass(frozen=True)
class FactorMap(FileSource):
    """A map of factors; reads as `UserFactors`.

    An npy file holds the (H, W) factors themselves. A PNG is painted: black is 1, white `white`,
    grey in between; so what is left black stays as it is.
    """

    white: float  # factor that a PNG's white stands for
    max_pixels: int = MAX_PIXELS  # PNGs with more are refused before they are decoded

    def read(self) -> UserFactors:
        """Load the map."""
        npy = self.path.suffix.lower() == ".npy"
        factors = (
            _read_npy(self.path)
            if npy
            else 1 + (self.white - 1) * _read_png(self.path, self.max_pixels)
        )
        if factors.ndim != 2 or factors.size == 0:
            raise DataError(f"{self.path}: a map of factors is (H, W), this one is {factors.shape}")
        wrong = ~((factors >= SMALLEST) & (factors <= LARGEST))
        if wrong.any():
            row, column = np.argwhere(wrong)[0].tolist()
            raise DataError(
                f"{self.path}: {factors[row, column]:g} at x = {column}, y = {row} is no factor: "
                f"factors are numbers from {SMALLEST:g} to {LARGEST:g}"
            )
        return UserFactors(pixels=factors)


def find_map(path: Path, item_id: str, white: float) -> FactorMap | None:
    """Return an image's map of factors; None where it has none.

    Parameters
    ----------
    path
        A map, which belongs to the image of its name, or a folder of maps.
    item_id
        The image.
    white
        Factor that a PNG's white stands for.

    Raises
    ------
    DataError
        When an image has two, or an id leads out of the folder.
    """
    if not path.is_dir():
        return FactorMap(path, white) if written(path.stem) == item_id else None
    found = named_files(path, item_id, "maps", SUFFIXES)
    refuse_two(found, path, item_id)
    return FactorMap(found[0], white) if found else None


def mapped_names(path: Path) -> list[str]:
    """Return the names of the images that maps are for, sorted."""
    if not path.is_dir():
        return [written(path.stem)]
    names = list_files(path).names
    files = [PurePosixPath(name) for name in names]
    maps = [file for file in files if file.suffix.lower() in SUFFIXES]
    return sorted({written(file.with_suffix("").as_posix()) for file in maps})


def _read_npy(path: Path) -> NDArray[np.float64]:
    try:
        content = map_npy(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from error
    if content.dtype.kind == "b":
        raise DataError(f"{path}: holds no numbers; a map of factors is (H, W) of floats")
    return content.astype(np.float64)


def _read_png(path: Path, max_pixels: int) -> NDArray[np.float64]:
    """Return the grey values in 0..1, upright."""
    try:
        with opened_picture(path, max_pixels, 24) as picture:
            if picture.format != "PNG":
                raise DataError(f"{path}: is no PNG but {picture.format}; save it as PNG")
            picture.load()
            deep = picture.mode.startswith("I")
            values = np.empty((picture.height, picture.width))
            for rows, part in strips_of(picture):
                if not deep and _is_coloured(np.asarray(part.convert("RGB"))):
                    raise DataError(
                        f"{path}: is a picture in colour; a map of factors is grey: black 1, white "
                        "more (numbered pictures go with their attention.csv: give that)"
                    )
                grey = np.asarray(part if deep else part.convert("RGB").getchannel(0))
                values[rows] = grey / (65535 if deep else 255)
            return upright(values, orientation_of(picture))
    except UnidentifiedImageError as error:
        raise DataError(f"{path}: is not a PNG that can be read; save it again") from error


def _is_coloured(pixels: NDArray[np.uint8]) -> bool:
    return bool((pixels != pixels[..., :1]).any())
