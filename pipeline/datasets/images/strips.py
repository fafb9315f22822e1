"""Rows of large images, a few megabytes at a time: whole copies of them would fill the memory."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_BYTES = 2**22
"""Most that a strip's pixels take."""


def strips(height: int, row_bytes: int) -> Iterator[slice]:
    """Yield the rows of an image, in order, as slices that take about 4 MiB each.

    Parameters
    ----------
    height
        Number of rows.
    row_bytes
        Bytes of one row.
    """
    step = max(1, _BYTES // max(1, row_bytes))
    for first in range(0, height, step):
        yield slice(first, min(first + step, height))


def strips_of(picture: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """Yield the rows of a picture of Pillow's, and the part of it that they are."""
    for rows in strips(picture.height, 4 * picture.width):
        yield rows, picture.crop((0, rows.start, picture.width, rows.stop))


def array_of(picture: Image.Image) -> NDArray[np.generic]:
    """Return what `numpy.asarray` returns of a picture, without the two copies it makes."""
    small = np.asarray(picture.crop((0, 0, 1, 1)))
    values = np.empty((picture.height, picture.width, *small.shape[2:]), small.dtype)
    for rows, part in strips_of(picture):
        values[rows] = np.asarray(part)
    return values
