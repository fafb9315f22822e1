"""Perimeter of a shape from its chain code."""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel


@kernel()
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
    stride = mask.shape[1]
    pixels = mask.ravel()
    # E, NE, N, NW, W, SW, S, SE
    steps = np.array([1, 1 - stride, -stride, -1 - stride, -1, stride - 1, stride, stride + 1])
    start = 0
    for column in range(mask.shape[1]):
        for row in range(mask.shape[0]):
            if start == 0 and mask[row, column]:
                start = row * stride + column
        if start:
            break
    if start == 0:
        return 0.0
    even = odd = turns = 0
    pixel, direction, previous = start, 1, 1
    while True:
        target = pixel + steps[direction]
        if pixels[target]:
            pixel = target
            odd += direction & 1
            even += ~direction & 1
            turns += direction != previous
            previous = direction
            direction = (direction + 2) & 7
        else:
            direction = (direction - 1) & 7
        if pixel == start and direction == 1:
            return 0.980 * even + 1.406 * odd - 0.091 * turns
