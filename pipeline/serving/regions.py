"""Sets of pixels as runs: start and length in raster order, as the browser sends them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.errors import DataError


def pixels_of(runs: NDArray[np.int64], n_pixels: int) -> NDArray[np.int64]:
    """Return the flat indices of (n, 2) runs.

    Raises
    ------
    DataError
        When a run is empty or leaves the image, or runs overlap or are out of order.
    """
    if runs.size == 0:
        raise DataError("a region has no pixel")
    starts, lengths = runs[:, 0], runs[:, 1]
    ends = starts + lengths
    if lengths.min() < 1 or starts[0] < 0 or ends[-1] > n_pixels or (starts[1:] < ends[:-1]).any():
        raise DataError("a region's runs leave the image, overlap or are out of order")
    first = np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    indices: NDArray[np.int64] = first + np.arange(int(lengths.sum()))
    return indices


def mask_of(runs: Sequence[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the (H, W) mask of starts and lengths in turn; DataError as `pixels_of`."""
    mask = np.zeros(shape, np.bool_)
    mask.ravel()[pixels_of(np.array(runs, np.int64).reshape(-1, 2), mask.size)] = True
    return mask


def runs_of(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the (n, 2) runs of ascending flat indices."""
    breaks = np.flatnonzero(np.diff(indices) != 1) + 1
    bounds = np.concatenate([[0], breaks, [indices.size]]).astype(np.int64)
    return np.stack([indices[bounds[:-1]], np.diff(bounds)], axis=1)


def values_before(
    mask: NDArray[np.uint16], indices: NDArray[np.int64]
) -> list[tuple[int, list[int]]]:
    """Return what a mask holds at some pixels: each value with its runs, flattened."""
    values: NDArray[Any] = mask.ravel()[indices]
    return [
        (int(value), runs_of(indices[values == value]).ravel().tolist())
        for value in np.unique(values)
    ]
