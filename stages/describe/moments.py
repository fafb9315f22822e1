"""Means and standard deviations of an image's bands inside superpixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.describe.numbering import Index, row_blocks


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
    total = np.zeros((area.size + 1, bands.shape[2]))
    for rows, places in row_blocks(index):
        for band in range(bands.shape[2]):
            total[:, band] += np.bincount(places, bands[rows, :, band].ravel(), len(total))
    mean: NDArray[np.float64] = total[1:] / area[:, np.newaxis]
    return mean


def deviations(
    index: Index,
    area: NDArray[np.int64],
    bands: NDArray[np.number[Any]],
    mean: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the (n, B) standard deviation of each band about the superpixels' means.

    Of the population: one pixel has 0.
    """
    middle = np.append(np.zeros((1, mean.shape[1])), mean, axis=0)
    squares = np.zeros_like(middle)
    for rows, places in row_blocks(index):
        for band in range(bands.shape[2]):
            away = bands[rows, :, band].ravel() - middle[places, band]
            squares[:, band] += np.bincount(places, away * away, len(squares))
    deviation: NDArray[np.float64] = np.sqrt(squares[1:] / area[:, np.newaxis])
    return deviation
