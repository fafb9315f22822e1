"""Percentile bootstrap of a mean over images."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CONFIDENCE = 0.95
INDICES_AT_ONCE = 1 << 20
_REMEMBERED = 1 << 22
"""Draws of at most so many images altogether are kept for the next table of as many images."""


def mean_interval(
    values: NDArray[np.float64], samples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 95 % interval of each column's mean.

    Resampling draws whole rows, and the same rows for all tables of one length: methods that are
    compared over the same images are resampled over the same images.

    Parameters
    ----------
    values
        (n, m) figures of n images; NaN where a figure is undefined, which leaves the image out
        of that column.
    samples
        How many resamples.
    seed
        Of the draws; equal arguments give equal bits.

    Returns
    -------
    Lower and upper end, (m,) each; NaN for a column with fewer than two figures.

    Notes
    -----
    Efron, Tibshirani: An Introduction to the Bootstrap (1993), section 13.3.
    """
    defined = ~np.isnan(values)
    low = np.full(values.shape[1], np.nan)
    high = low.copy()
    patterns, which = np.unique(defined, axis=1, return_inverse=True)
    tail = (1 - CONFIDENCE) / 2
    for pattern, rows in enumerate(patterns.T):
        columns = np.flatnonzero(which.ravel() == pattern)
        if rows.sum() < 2:
            continue
        means = resampled_means(values[np.ix_(rows, columns)], samples, seed)
        low[columns], high[columns] = np.quantile(means, (tail, 1 - tail), axis=0)
    return low, high


def resampled_means(values: NDArray[np.float64], samples: int, seed: int) -> NDArray[np.float64]:
    """Return the means of rows drawn with replacement.

    Parameters
    ----------
    values
        (n, m) figures of n images, all defined.
    samples, seed
        As for `mean_interval`, by the same draws.

    Returns
    -------
    (samples, m).
    """
    n = len(values)
    draws = _remembered if n * samples <= _REMEMBERED else _draws
    # A sparse product is one for all columns, and none of them depends on how many there are.
    return np.concatenate([drawn @ values for drawn in draws(n, samples, seed)]) / n


@lru_cache(maxsize=4)
def _remembered(n: int, samples: int, seed: int) -> "tuple[csr_array, ...]":
    return tuple(_draws(n, samples, seed))


def _draws(n: int, samples: int, seed: int) -> "Iterator[csr_array]":
    """Yield (part, n) matrices of ones where a row is drawn; a row of theirs is a resample."""
    from scipy.sparse import csr_array

    draws = np.random.default_rng(seed)
    at_once = max(1, INDICES_AT_ONCE // n)
    for start in range(0, samples, at_once):
        part = min(at_once, samples - start)
        drawn = draws.integers(0, n, size=(part, n)).astype(np.int32).ravel()
        ends = np.arange(0, part * n + 1, n, dtype=np.int32)
        yield csr_array((np.ones(part * n), drawn, ends), shape=(part, n))
