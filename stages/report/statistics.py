"""Paired comparison of two methods' figures on the same images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.report.bootstrap import mean_interval
from spam_pipe.stages.report.config import ReportConfig

Figures = NDArray[np.float64]

ASYMPTOTIC_FROM = 51
"""With so many images scipy takes the normal approximation of Wilcoxon's test."""


@dataclass(frozen=True)
class PairedDifferences:
    """Differences between two methods' figures in each of m columns; all are (m,)."""

    n_pairs: NDArray[np.int64]  # images where both are defined
    mean: Figures  # of the differences; NaN without pairs
    # 95 % bootstrap interval of that mean; NaN with fewer than two pairs
    low: Figures
    high: Figures
    p: Figures  # two-sided p of Wilcoxon's signed-rank test; NaN with fewer than two pairs
    # share of the images where the method is better, ties counted half; NaN without pairs
    win_rate: Figures


def paired_differences(
    figures: Figures, reference: Figures, config: ReportConfig
) -> PairedDifferences:
    """Compare two methods, pair by pair.

    Parameters
    ----------
    figures, reference
        (n, m) figures of the same n images in m measures or at m counts, larger is better; NaN
        where undefined, which leaves the image out of that column.
    config
        Number of resamples and seed of the bootstrap.

    Notes
    -----
    Wilcoxon (1945), as `scipy.stats.wilcoxon` computes it with zero differences dropped; equal
    figures everywhere give p = 1. Resampling is `stages.report.bootstrap.mean_interval`.
    """
    differences = figures - reference
    n_pairs = np.sum(~np.isnan(differences), axis=0)
    low, high = mean_interval(differences, config.bootstrap_samples, config.seed)
    wins = np.sum(differences > 0, axis=0) + 0.5 * np.sum(differences == 0, axis=0)
    return PairedDifferences(
        n_pairs,
        mean_of_defined(differences),
        low,
        high,
        _wilcoxon(differences, n_pairs),
        np.divide(wins, n_pairs, out=np.full(len(wins), np.nan), where=n_pairs > 0),
    )


def mean_of_defined(figures: Figures) -> Figures:
    """Return the mean of each column's figures that are no NaN; NaN where all are."""
    count = np.sum(~np.isnan(figures), axis=0)
    mean = np.full(figures.shape[1], np.nan)
    np.divide(np.nansum(figures, axis=0), count, out=mean, where=count > 0)
    return mean


def _wilcoxon(differences: Figures, n_pairs: NDArray[np.int64]) -> Figures:
    """Return the p of each column of (n, m) differences, alike ones in one call."""
    from scipy.stats import wilcoxon

    p = np.full(len(n_pairs), np.nan)
    for n in set(n_pairs[n_pairs > 1].tolist()):
        columns = np.flatnonzero(n_pairs == n)
        own = differences[:, columns].T
        own = own[~np.isnan(own)].reshape(-1, n)
        p[columns] = 1.0
        # Few images with equal figures take a test of their own, which scipy chooses for each.
        sizes = np.sort(np.abs(own), axis=1)
        plain = (sizes[:, 0] > 0) & (np.diff(sizes, axis=1) > 0).all(axis=1)
        together = own.any(axis=1) if n >= ASYMPTOTIC_FROM else plain
        if together.any():
            p[columns[together]] = wilcoxon(own[together], axis=1).pvalue
        for alone in np.flatnonzero(own.any(axis=1) & ~together):
            p[columns[alone]] = wilcoxon(own[alone]).pvalue
    return p


def holm(p: Figures) -> Figures:
    """Correct p values for the number of tests.

    Parameters
    ----------
    p
        (n,) p values of one family; NaN where a test could not be made, which counts for none.

    Returns
    -------
    (n,) corrected, NaN where it was.

    Notes
    -----
    Step-down (Holm, Scandinavian Journal of Statistics 6, 1979): the smallest of n is multiplied by
    n, the next by n - 1, and so on; none is below one before it, none above 1.
    """
    corrected = np.full(len(p), np.nan)
    made = np.flatnonzero(~np.isnan(p))
    ascending = made[np.argsort(p[made], kind="stable")]
    factors = np.arange(len(made), 0, -1)
    corrected[ascending] = np.minimum(np.maximum.accumulate(factors * p[ascending]), 1.0)
    return corrected
