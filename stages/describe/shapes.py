"""Position, size and compactness of superpixels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from spam_pipe.stages.describe.numbering import Index, row_blocks


class Shapes(NamedTuple):
    """Shapes of n superpixels."""

    area: NDArray[np.int64]  # (n,) int64, pixels
    # (n,) float64, the centroid; a pixel's centre has whole numbers
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    # (n,) int64, the bounding box: rows top..bottom-1, columns left..right-1
    top: NDArray[np.int64]
    left: NDArray[np.int64]
    bottom: NDArray[np.int64]
    right: NDArray[np.int64]
    # (n,) int64, pixel sides that face anything else or the outside of the image
    perimeter: NDArray[np.int64]


def shapes(index: Index, n: int) -> Shapes:
    """Measure superpixels 0..n-1, each with a pixel at least; -1 is outside."""
    area, rows, columns = np.zeros(n + 1, np.int64), np.zeros(n + 1), np.zeros(n + 1)
    height, width = index.shape
    for block, places in row_blocks(index):
        here = np.arange(height)[block]
        area += np.bincount(places, minlength=n + 1)
        rows += np.bincount(places, np.repeat(here, width), n + 1)
        columns += np.bincount(places, np.tile(np.arange(width), here.size), n + 1)
    area, rows, columns = area[1:], rows[1:], columns[1:]
    boxes = find_objects(index + 1, n)
    top, bottom = np.array([(box[0].start, box[0].stop) for box in boxes]).T
    left, right = np.array([(box[1].start, box[1].stop) for box in boxes]).T
    return Shapes(area, rows / area, columns / area, top, left, bottom, right, sides(index, n))


def sides(index: Index, n: int) -> NDArray[np.int64]:
    """Return the (n,) pixel sides of each region 0..n-1 that face anything else."""
    framed = np.pad(index, 1, constant_values=-1)
    inside = index >= 0
    found = np.zeros(n, np.int64)
    for across, down in ((0, 1), (2, 1), (1, 0), (1, 2)):
        other = framed[down : down + index.shape[0], across : across + index.shape[1]]
        found += np.bincount(index[inside & (other != index)], minlength=n)
    return found
