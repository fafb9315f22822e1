"""Paired comparison of two methods' figures on the same images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.report.bootstrap import mean_interval
from stages.report.config import ReportConfig

Figures = NDArray[np.float64]


@dataclass(frozen=True)
class PairedDifference:
    """How much one method's figures exceed another's.

    Attributes
    ----------
    n_pairs
        Images where both are defined.
    mean
        Of the differences; NaN without pairs.
    low, high
        95 % bootstrap interval of that mean; NaN with fewer than two pairs.
    p
        Two-sided p of Wilcoxon's signed-rank test; NaN with fewer than two pairs.
    win_rate
        Share of the images where the method is better, ties counted half; NaN without pairs.
    """

    n_pairs: int
    mean: float
    low: float
    high: float
    p: float
    win_rate: float


def paired_difference(
    figures: Figures, reference: Figures, config: ReportConfig
) -> PairedDifference:
    """Compare two methods, pair by pair.

    Parameters
    ----------
    figures, reference
        (n,) figures of the same n images, larger is better; NaN where undefined, which leaves
        the image out.
    config
        Number of resamples and seed of the bootstrap.

    Notes
    -----
    Wilcoxon (1945), as `scipy.stats.wilcoxon` computes it with zero differences dropped; equal
    figures everywhere give p = 1. Resampling is `stages.report.bootstrap.mean_interval`.
    """
    from scipy.stats import wilcoxon

    differences = figures - reference
    differences = differences[~np.isnan(differences)]
    n_pairs = len(differences)
    if n_pairs == 0:
        return PairedDifference(0, *[float("nan")] * 5)
    wins = float(np.mean(differences > 0) + 0.5 * np.mean(differences == 0))
    low, high = mean_interval(differences[:, np.newaxis], config.bootstrap_samples, config.seed)
    p = float("nan")
    if n_pairs > 1:
        p = float(wilcoxon(differences).pvalue) if bool(differences.any()) else 1.0
    return PairedDifference(
        n_pairs, float(differences.mean()), float(low[0]), float(high[0]), p, wins
    )


def holm(p: Figures) -> Figures:
    """Correct p values for the number of tests.

    Parameters
    ----------
    p
        (n,) p values of one family; NaN where a test could not be made, which counts for none.

    Returns
    -------
    Figures
        (n,) corrected, NaN where it was.

    Notes
    -----
    Holm, Scandinavian Journal of Statistics 6, 1979, as statsmodels computes it.
    """
    from statsmodels.stats.multitest import multipletests

    corrected = np.full(len(p), np.nan)
    made = ~np.isnan(p)
    if made.any():
        corrected[made] = multipletests(p[made], method="holm")[1]
    return corrected
