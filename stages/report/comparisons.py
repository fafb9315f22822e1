"""Every method of a metric table against one of them, on the same images."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.report.config import ReportConfig
from stages.report.statistics import holm, paired_difference

COMPARED = (
    "asa",
    "boundary_recall",
    "boundary_precision",
    "explained_variation",
    "gr",
    "compactness",
)
"""The measures that are compared; of each, more is better."""

SERIES = ("method", "prior", "config")
"""What tells methods of one dataset apart."""

SeriesKey = tuple[str, str, str]
"""One value for each of `SERIES`."""

COMPARISON_COLUMNS = (
    "dataset",
    "split",
    *SERIES,
    "n_requested",
    "measure",
    "n_pairs",
    "mean",
    "reference_mean",
    "difference",
    "difference_lo",
    "difference_hi",
    "win_rate",
    "p",
    "p_holm",
)
EXTREME_COLUMNS = ("dataset", "split", "image", "figure", "reference", "difference")
SIGNIFICANT = 0.05
"""Differences with a smaller corrected p are called significant."""


def comparison_table(
    metrics: pd.DataFrame,
    reference: SeriesKey,
    config: ReportConfig | None = None,
    measures: Sequence[str] = COMPARED,
) -> pd.DataFrame:
    """Compare all series with one of them, image by image.

    Parameters
    ----------
    metrics
        From `stages.report.tables.metrics_table`.
    reference
        Method, prior and config of the series that others are compared with.
    config
        Number of resamples and seed of the bootstrap.
    measures
        Which columns to compare; more must be better.

    Returns
    -------
    pd.DataFrame
        Exactly `COMPARISON_COLUMNS`: a row per dataset, split, other series, requested count and
        measure, in the metric table's order. `mean` and `reference_mean` are over the images
        that both have; `difference` is the first minus the second. `p` is Wilcoxon's; `p_holm` is
        corrected over the methods that are compared in one measure at one count.

    Raises
    ------
    ValueError
        When no row is of the reference series.
    """
    config = config or ReportConfig()
    is_reference = (metrics[list(SERIES)] == list(reference)).all(axis=1)
    if not bool(is_reference.any()):
        raise ValueError(f"no rows of {' '.join(reference)} to compare with")
    place = ["dataset", "split", "n_requested"]
    beside = metrics[is_reference].set_index([*place, "image"])[list(measures)]
    records = []
    for group, rows in metrics[~is_reference].groupby([*place[:2], *SERIES, place[2]], sort=True):
        own = rows.set_index([*place, "image"])[list(measures)]
        theirs = beside.reindex(own.index)
        for measure in measures:
            mine, other = own[measure].to_numpy(), theirs[measure].to_numpy()
            pairs = ~np.isnan(mine - other)
            found = paired_difference(mine, other, config)
            means = [np.nan, np.nan]
            if found.n_pairs:
                means = [float(mine[pairs].mean()), float(other[pairs].mean())]
            records.append(
                (
                    *group,
                    measure,
                    found.n_pairs,
                    *means,
                    found.mean,
                    found.low,
                    found.high,
                    found.win_rate,
                    found.p,
                    np.nan,
                )
            )
    table = pd.DataFrame.from_records(records, columns=list(COMPARISON_COLUMNS))
    for _, rows in table.groupby(["dataset", "split", "n_requested", "measure"]):
        table.loc[rows.index, "p_holm"] = holm(rows["p"].to_numpy(dtype=np.float64))
    return table


def image_differences(
    metrics: pd.DataFrame,
    series: SeriesKey,
    reference: SeriesKey,
    n_requested: int,
    measure: str = "asa",
) -> pd.DataFrame:
    """List the images that two series have, from the first one's worst to its best.

    Parameters
    ----------
    metrics
        From `stages.report.tables.metrics_table`.
    series, reference
        Method, prior and config of either.
    n_requested
        The requested count.
    measure
        A column of figures.

    Returns
    -------
    pd.DataFrame
        Exactly `EXTREME_COLUMNS`, sorted by `difference` (first minus reference), then image;
        images where either is undefined are left out.
    """
    there = metrics[metrics["n_requested"] == n_requested]
    place = ["dataset", "split", "image"]
    mine, other = (
        there[(there[list(SERIES)] == list(key)).all(axis=1)].set_index(place)[measure]
        for key in (series, reference)
    )
    table = pd.DataFrame({"figure": mine, "reference": other}).dropna().reset_index()
    table["difference"] = table["figure"] - table["reference"]
    table = table.sort_values(["difference", "image"], ignore_index=True)
    return table[list(EXTREME_COLUMNS)]


def series_keys(metrics: pd.DataFrame) -> list[SeriesKey]:
    """Return the series of a metric or summary table, in its order."""
    rows = metrics[list(SERIES)].drop_duplicates().itertuples(index=False)
    return [(str(method), str(prior), str(config)) for method, prior, config in rows]
