"""Perimeter of a shape from its chain code."""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel


def chain_code_perimeter(mask: NDArray[np.uint8]) -> float:
    """Return the length of a shape's outer boundary, corrected for its corners.

    The boundary's 8-connected chain code is followed clockwise from the topmost pixel of the
    leftmost column; the length is 0.980·(even steps) + 1.406·(odd steps) - 0.091·(turns) in
    pixels (Vossepoel and Smeulders, 1982, as Giraud et al., 2017, use it).

    Parameters
    ----------
    mask
        (h + 2, w + 2) uint8, C-contiguous, non-zero inside the shape and zero in its outermost
        rows and columns. Of several components the one with the start pixel is measured.

    Returns
    -------
    The length; 0 for one pixel and for an empty mask.
    """
    height, width = mask.shape
    return float(follow(mask.ravel(), height, width, steps_of(width)))


def steps_of(width: int) -> NDArray[np.int64]:
    """Return how far apart, in a mask of that width, a pixel and its eight neighbours are."""
    # E, NE, N, NW, W, SW, S, SE
    return np.array([1, 1 - width, -width, -1 - width, -1, width - 1, width, width + 1])


@kernel("uint8[::1], int64, int64, int64[::1]")
def follow(pixels: NDArray[np.uint8], height: int, width: int, steps: NDArray[np.int64]) -> float:
    """Measure the shape in a mask, row by row; there may be more pixels behind it."""
    start = 0
    for column in range(width):
        for row in range(height):
            if start == 0 and pixels[row * width + column] != 0:
                start = row * width + column
        if start != 0:
            break
    if start == 0:
        return 0.0
    even = odd = turns = 0
    pixel, direction, previous = start, 1, 1
    while True:
        target = pixel + steps[direction]
        if pixels[target] != 0:
            pixel = target
            odd += direction & 1
            even += 1 - (direction & 1)
            if direction != previous:
                turns += 1
            previous = direction
            direction = (direction + 2) & 7
        else:
            direction = (direction - 1) & 7
        if pixel == start and direction == 1:
            return 0.980 * even + 1.406 * odd - 0.091 * turns
