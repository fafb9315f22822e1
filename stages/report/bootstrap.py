"""Percentile bootstrap of a mean over images."""

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
INDICES_AT_ONCE = 1 << 20


def mean_interval(
    values: NDArray[np.float64], samples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 95 % interval of each column's mean.

    Resampling draws whole rows, by the same draws for every table of as many rows: what is
    compared over the same images is resampled over the same images.

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
    tuple[NDArray[np.float64], NDArray[np.float64]]
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
    NDArray[np.float64]
        (samples, m).
    """
    n = len(values)
    draws = np.random.default_rng(seed)
    columns = [np.ascontiguousarray(column) for column in values.T]
    at_once = max(1, INDICES_AT_ONCE // n)
    means = np.empty((samples, len(columns)))
    for start in range(0, samples, at_once):
        part = means[start : start + at_once]
        rows = draws.integers(0, n, size=(len(part), n))
        for j, column in enumerate(columns):
            part[:, j] = column[rows].mean(axis=1)
    return means
