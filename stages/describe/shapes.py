"""Position, size and compactness of superpixels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.describe.numbering import Index


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


@kernel()
def shapes(index: Index, n: int) -> Shapes:
    """Measure superpixels 0..n-1, each with a pixel at least; -1 is outside."""
    height, width = index.shape
    area, perimeter = np.zeros(n, np.int64), np.zeros(n, np.int64)
    rows, columns = np.zeros(n, np.int64), np.zeros(n, np.int64)
    top, left = np.full(n, height), np.full(n, width)
    bottom, right = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for row in range(height):
        for column in range(width):
            k = index[row, column]
            if k < 0:
                continue
            area[k] += 1
            rows[k] += row
            columns[k] += column
            top[k], bottom[k] = min(top[k], row), row + 1
            left[k], right[k] = min(left[k], column), max(right[k], column + 1)
            perimeter[k] += (
                (row == 0 or index[row - 1, column] != k)
                + (row + 1 == height or index[row + 1, column] != k)
                + (column == 0 or index[row, column - 1] != k)
                + (column + 1 == width or index[row, column + 1] != k)
            )
    return Shapes(area, rows / area, columns / area, top, left, bottom, right, perimeter)
