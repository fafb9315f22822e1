"""Every method of a metric table against one of them, on the same images."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spam_pipe.stages.report.config import ReportConfig
from spam_pipe.stages.report.series import SERIES, MethodKey
from spam_pipe.stages.report.statistics import holm, mean_of_defined, paired_differences

COMPARED = (
    "asa",
    "boundary_recall",
    "boundary_precision",
    "explained_variation",
    "gr",
    "compactness",
)
"""The measures that are compared; of each, more is better."""

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
    reference: MethodKey,
    config: ReportConfig | None = None,
    measures: Sequence[str] = COMPARED,
) -> pd.DataFrame:
    """Compare all series with one of them, image by image.

    Parameters
    ----------
    metrics
        From `stages.report.tables.metrics_table`.
    reference
        The method that others are compared with.
    config
        Number of resamples and seed of the bootstrap.
    measures
        Which columns to compare; more must be better.

    Returns
    -------
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
    is_reference = (metrics[list(SERIES)] == list(reference.values)).all(axis=1)
    if not bool(is_reference.any()):
        raise ValueError(f"no rows of {reference} to compare with")
    tables = [
        _compare(rows, reference, config, measures)
        for _, rows in metrics.groupby(["dataset", "split"], sort=True)
    ]
    return pd.concat(tables, ignore_index=True)


def _compare(
    metrics: pd.DataFrame, reference: MethodKey, config: ReportConfig, measures: Sequence[str]
) -> pd.DataFrame:
    """Compare the series of one dataset's split; images are rows of one matrix."""
    columns = [*SERIES, "n_requested"]
    wide = metrics.pivot(index="image", columns=columns, values=list(measures))
    made = metrics[columns].drop_duplicates().sort_values(columns).itertuples(index=False)
    cells = [
        (*map(str, series), count, measure)
        for *series, count in made
        if tuple(series) != reference.values
        for measure in measures
    ]
    if not cells:
        return pd.DataFrame(columns=list(COMPARISON_COLUMNS))
    own = [(measure, *series, count) for *series, count, measure in cells]
    theirs = [(measure, *reference.values, count) for *_, count, measure in cells]
    mine, other = (
        wide.reindex(columns=pd.MultiIndex.from_tuples(each)).to_numpy(np.float64)
        for each in (own, theirs)
    )
    paired = ~np.isnan(mine - other)
    found = paired_differences(mine, other, config)
    table = pd.DataFrame(cells, columns=[*columns, "measure"])
    families = table.groupby(["n_requested", "measure"]).indices.values()
    corrected = np.full(len(table), np.nan)
    for family in families:
        corrected[family] = holm(found.p[family])
    return table.assign(
        dataset=metrics["dataset"].iloc[0],
        split=metrics["split"].iloc[0],
        n_pairs=found.n_pairs,
        mean=mean_of_defined(np.where(paired, mine, np.nan)),
        reference_mean=mean_of_defined(np.where(paired, other, np.nan)),
        difference=found.mean,
        difference_lo=found.low,
        difference_hi=found.high,
        win_rate=found.win_rate,
        p=found.p,
        p_holm=corrected,
    )[list(COMPARISON_COLUMNS)]


def image_differences(
    metrics: pd.DataFrame,
    series: MethodKey,
    reference: MethodKey,
    n_requested: int,
    measure: str = "asa",
) -> pd.DataFrame:
    """List the images that two series have, from the first one's worst to its best.

    Parameters
    ----------
    metrics
        From `stages.report.tables.metrics_table`.
    series, reference
        The two methods.
    n_requested
        The requested count.
    measure
        A column of figures.

    Returns
    -------
    Exactly `EXTREME_COLUMNS`, sorted by `difference` (first minus reference), then image;
    images where either is undefined are left out.
    """
    there = metrics[metrics["n_requested"] == n_requested]
    place = ["dataset", "split", "image"]
    mine, other = (
        there[(there[list(SERIES)] == list(key.values)).all(axis=1)].set_index(place)[measure]
        for key in (series, reference)
    )
    table = pd.DataFrame({"figure": mine, "reference": other}).dropna().reset_index()
    table["difference"] = table["figure"] - table["reference"]
    table = table.sort_values(["difference", "image"], ignore_index=True)
    return table[list(EXTREME_COLUMNS)]


def method_keys(table: pd.DataFrame) -> list[MethodKey]:
    """Return the methods of a metric or summary table, in its order."""
    rows = table[list(SERIES)].drop_duplicates().itertuples(index=False)
    return [MethodKey(*map(str, row)) for row in rows]
