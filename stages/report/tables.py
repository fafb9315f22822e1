"""The metric tables: one row per image and superpixel count, and their summary over images."""

import re
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any, TextIO

import numpy as np
import pandas as pd

from spam_pipe.stages.csv_cells import write_frame
from spam_pipe.stages.report.bootstrap import mean_interval
from spam_pipe.stages.report.config import ReportConfig

KEYS = ("dataset", "split", "image", "method", "prior", "config", "n_requested")
"""Columns that tell rows of the metric table apart, in the order of sorting;
`config` by the numbers in it."""

MEASURES = (
    "n_superpixels",
    "delta_k",
    "asa",
    "ue",
    "ue_np",
    "boundary_recall",
    "boundary_precision",
    "contour_density",
    "explained_variation",
    "explained_variation_giraud",
    "compactness",
    "gr",
    "src",
    "smf",
    "gr_giraud",
    "src_giraud",
)
COLUMNS = (*KEYS, *MEASURES, "n_annotators", "seconds", "note")

GROUP = tuple(key for key in KEYS if key != "image")
"""Columns that tell rows of the summary apart, in the order of sorting."""

STATISTICS = ("mean", "std", "lo", "hi", "n")
SUMMARY_COLUMNS = (
    *GROUP,
    *(f"{measure}_{statistic}" for measure in MEASURES for statistic in STATISTICS),
    "n_images",
    "n_failed",
)

_NUMBER = re.compile(r"\d+(?:\.\d+)?")

Group = tuple[str, str, str, str, str, int]
"""One value for each key of `GROUP`."""


def metrics_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Collect figures into the metric table (METRICS.md, section 7).

    Parameters
    ----------
    rows
        One mapping per image, method and requested count, keyed by `COLUMNS`. All of `KEYS` must
        be there; other figures may be missing, None or NaN where they are undefined.

    Returns
    -------
    Exactly `COLUMNS`, sorted by `KEYS`; NaN where undefined.

    Raises
    ------
    ValueError
        When a row lacks a key, has an unknown column, or repeats another row's keys.
    """
    table = pd.DataFrame.from_records([dict(row) for row in rows])
    unknown = sorted(set(table.columns) - set(COLUMNS))
    if unknown:
        raise ValueError(f"not a column of the metric table: {', '.join(unknown)}")
    table = table.reindex(columns=list(COLUMNS))
    lacking = [key for key in KEYS if bool(table[key].isna().any())]
    if lacking:
        raise ValueError(f"a row of the metric table has no {' and no '.join(lacking)}")
    for text in (*KEYS[:-1], "note"):
        table[text] = table[text].astype(object).fillna("").astype(str)
    table["n_requested"] = table["n_requested"].astype(np.int64)
    for figure in (*MEASURES, "n_annotators", "seconds"):
        table[figure] = table[figure].astype(np.float64)
    repeated = table.duplicated(list(KEYS))
    if bool(repeated.any()):
        first = table.loc[repeated, list(KEYS)].iloc[0]
        raise ValueError(f"two rows of the metric table are about {' '.join(map(str, first))}")
    return table.sort_values(list(KEYS), ignore_index=True, key=_in_order)


def summary_table(
    metrics: pd.DataFrame,
    failed: Mapping[Group, int] | None = None,
    config: ReportConfig | None = None,
) -> pd.DataFrame:
    """Summarise the metric table over images.

    Parameters
    ----------
    metrics
        From `metrics_table`.
    failed
        How many images failed, by the values of `GROUP`; a group none of whose images succeeded
        gets a row of its own.
    config
        Number of resamples and seed of the bootstrap.

    Returns
    -------
    Exactly `SUMMARY_COLUMNS`, sorted by `GROUP`. Each statistic is over the images where the
    figure is defined: mean, sample standard deviation (n - 1), the 95 % bootstrap interval of
    the mean, and the number of these images; the middle three are NaN with fewer than two.
    """
    config = config or ReportConfig()
    failed = dict(failed or {})
    figures = {
        group_of(rows.iloc[0]): rows[list(MEASURES)].to_numpy(dtype=np.float64)
        for _, rows in metrics.groupby(list(GROUP), sort=False)
    }
    nothing = np.empty((0, len(MEASURES)))
    records = [
        [
            *group,
            *_statistics(figures.get(group, nothing), config),
            len(figures.get(group, nothing)),
            failed.get(group, 0),
        ]
        for group in sorted({*figures, *failed}, key=_place_of)
    ]
    return pd.DataFrame.from_records(records, columns=list(SUMMARY_COLUMNS))


def _in_order(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the sort keys of a column of `KEYS`."""
    return column.map(_by_numbers) if column.name == "config" else column


def _place_of(group: Group) -> tuple[Any, ...]:
    return tuple(
        _by_numbers(str(value)) if key == "config" else value
        for key, value in zip(GROUP, group, strict=True)
    )


def _by_numbers(text: str) -> tuple[str, str]:
    """Return the sort key of a text: λ_s=4.5 stands before λ_s=10."""
    return _NUMBER.sub(lambda found: f"{float(found[0]):020.6f}", text), text


def write_csv(table: pd.DataFrame, target: str | PathLike[str] | TextIO) -> None:
    """Write a table so that equal tables give equal bytes.

    Parameters
    ----------
    table
        From `metrics_table` or `summary_table`.
    target
        A path, any fsspec URL, or a file open for text (with ``newline=""``).

    Notes
    -----
    Nine significant digits, empty where undefined, UTF-8, lines end in a line feed alone. A text
    that a spreadsheet would take for a formula begins with an apostrophe (`stages.csv_cells`).
    """
    write_frame(table, target, "%.9g")


def seconds_per_image(metrics: pd.DataFrame) -> dict[Group, float]:
    """Return the median seconds of an image's segmentation, by the values of `GROUP`."""
    return {
        group_of(rows.iloc[0]): float(rows["seconds"].median())
        for _, rows in metrics.groupby(list(GROUP), sort=False)
        if bool(rows["seconds"].notna().any())
    }


def group_of(row: "pd.Series[Any]") -> Group:
    """Return the values of `GROUP` in one row of either table."""
    dataset, split, method, prior, config, n_requested = (row[key] for key in GROUP)
    return (dataset, split, method, prior, config, int(n_requested))


def _statistics(values: np.ndarray[Any, np.dtype[np.float64]], config: ReportConfig) -> list[float]:
    """Return mean, deviation, interval and number of each column of (n, m) figures, in turn."""
    count = np.sum(~np.isnan(values), axis=0)
    low, high = mean_interval(values, config.bootstrap_samples, config.seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(values, axis=0) / count
        deviation = np.sqrt(np.nansum((values - mean) ** 2, axis=0) / (count - 1))
    deviation[count < 2] = np.nan
    table = np.stack([mean, deviation, low, high, count], axis=1)
    return [float(figure) for figure in table.ravel()]
