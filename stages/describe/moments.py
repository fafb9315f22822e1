"""Means and standard deviations of an image's bands inside superpixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.describe.numbering import Index


@kernel()
def means(
    index: Index, area: NDArray[np.int64], bands: NDArray[np.number[Any]]
) -> NDArray[np.float64]:
    """Return the (n, B) mean of each band over each superpixel.

    Parameters
    ----------
    index
        (H, W) superpixels 0..n-1, -1 outside.
    area
        (n,) pixels of each.
    bands
        (H, W, B) numbers; NaN makes its superpixel's mean NaN.
    """
    height, width, n_bands = bands.shape
    total = np.zeros((area.size, n_bands))
    for row in range(height):
        for column in range(width):
            k = index[row, column]
            if k >= 0:
                for band in range(n_bands):
                    total[k, band] += bands[row, column, band]
    for k in range(area.size):
        total[k] /= area[k]
    return total


@kernel()
def deviations(
    index: Index,
    area: NDArray[np.int64],
    bands: NDArray[np.number[Any]],
    mean: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the (n, B) standard deviation of each band about the superpixels' means.

    Of the population: one pixel has 0.
    """
    height, width, n_bands = bands.shape
    squares = np.zeros_like(mean)
    for row in range(height):
        for column in range(width):
            k = index[row, column]
            if k >= 0:
                for band in range(n_bands):
                    squares[k, band] += (bands[row, column, band] - mean[k, band]) ** 2
    for k in range(area.size):
        squares[k] = np.sqrt(squares[k] / area[k])
    return squares
