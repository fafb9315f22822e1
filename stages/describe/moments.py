"""Means and standard deviations of an image's bands inside superpixels."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.describe.numbering import Index


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
    totals = [np.bincount(places, band, area.size + 1)[1:] for places, band in _each(index, bands)]
    mean: NDArray[np.float64] = np.stack(totals, axis=1) / area[:, np.newaxis]
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
    squares = []
    for (places, band), middle in zip(_each(index, bands), mean.T, strict=True):
        away = band - np.append(0.0, middle)[places]
        squares.append(np.bincount(places, away * away, area.size + 1)[1:])
    deviation: NDArray[np.float64] = np.sqrt(np.stack(squares, axis=1) / area[:, np.newaxis])
    return deviation


def _each(
    index: Index, bands: NDArray[np.number[Any]]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.number[Any]]]]:
    """Yield, for each band, the place of each pixel, 0 outside, and the band's values."""
    places = index.ravel().astype(np.int64) + 1
    for band in range(bands.shape[2]):
        yield places, bands[..., band].ravel()
