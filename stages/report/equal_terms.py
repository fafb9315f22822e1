"""Methods compared on equal terms: at the same count, at the same regularity, over all counts.

A method that was asked for K superpixels makes n; another one trades accuracy for regularity.
Comparing them at equal n, or at equal GR, takes their curves over K and reads between the points.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from stages.report.bootstrap import CONFIDENCE, resampled_means
from stages.report.comparisons import COMPARED, SERIES, SeriesKey
from stages.report.config import ReportConfig

Curve = NDArray[np.float64]

COUNT_SLACK = float(np.log(1.05))
"""How far beyond its ends a curve over log n may be read: 5 % of the count."""

EQUAL_COLUMNS = ("dataset", "split", *SERIES, "n_requested", "at", "mean", "lo", "hi", "n_images")
AREA_COLUMNS = (
    "dataset",
    "split",
    *SERIES,
    "measure",
    "n_from",
    "n_to",
    "mean",
    "lo",
    "hi",
    "n_images",
)


@dataclass(frozen=True)
class _Curves:
    """One series' points over the requested counts: of all images, and of each resample.

    `across` and `up` are (1 + samples, K): the first row is of all images, a row per resample
    follows; each row is sorted by `across`.
    """

    place: tuple[str, str]
    series: SeriesKey
    across: Curve
    up: Curve
    n_images: int


def at_equal_count(
    metrics: pd.DataFrame, measure: str = "asa", config: ReportConfig | None = None
) -> pd.DataFrame:
    """Read each method's curve over log n where exactly the requested counts are made.

    Parameters
    ----------
    metrics
        From `stages.report.tables.metrics_table`.
    measure
        Which figure.
    config
        Number of resamples and seed of the bootstrap.

    Returns
    -------
    pd.DataFrame
        Exactly `EQUAL_COLUMNS`, a row per series and requested count, `at` being that count;
        linear between the means at neighbouring K. NaN where a curve does not reach, or has one
        point only; intervals are NaN with one image. Images that lack any K are left out.
    """
    counts = sorted(set(metrics["n_requested"].tolist()))
    curves = _curves(metrics, "n_superpixels", measure, config, log=True)
    targets = {count: float(np.log(count)) for count in counts}
    table = _read_at(curves, targets, COUNT_SLACK)
    table["at"] = np.exp(table["at"]).round(6)
    return table


def at_equal_regularity(
    metrics: pd.DataFrame,
    reference: SeriesKey,
    measure: str = "asa",
    config: ReportConfig | None = None,
) -> pd.DataFrame:
    """Read each method's curve of a measure over GR where the reference is at each count.

    As `at_equal_count`, but `at` is the reference's mean GR at the requested count: whoever has
    the larger figure there is more accurate at the same regularity, whatever count that takes.

    Raises
    ------
    ValueError
        When no row is of the reference series, or rows are of several datasets.
    """
    if len(metrics[["dataset", "split"]].drop_duplicates()) > 1:
        raise ValueError("equal regularity is read on one dataset's split at a time")
    own = metrics[(metrics[list(SERIES)] == list(reference)).all(axis=1)]
    if own.empty:
        raise ValueError(f"no rows of {' '.join(reference)} to compare with")
    means = own.groupby("n_requested")["gr"].mean().dropna()
    targets = {int(str(count)): float(mean) for count, mean in means.items()}
    return _read_at(_curves(metrics, "gr", measure, config), targets, slack=0.0)


def area_table(
    metrics: pd.DataFrame,
    config: ReportConfig | None = None,
    measures: Sequence[str] = COMPARED,
) -> pd.DataFrame:
    """Integrate each method's curves over log n.

    Parameters
    ----------
    metrics
        From `stages.report.tables.metrics_table`.
    config
        Number of resamples and seed of the bootstrap.
    measures
        Which figures.

    Returns
    -------
    pd.DataFrame
        Exactly `AREA_COLUMNS`, a row per series and measure: the area under the curve of means
        against log n between `n_from` and `n_to`, the range that all series of that dataset
        cover, divided by the range's length; thus a mean over log n, in the measure's unit. NaN
        where a curve has one point, or no range is common.
    """
    records = []
    for measure in measures:
        curves = list(_curves(metrics, "n_superpixels", measure, config, log=True))
        for place in dict.fromkeys(curve.place for curve in curves):
            beside = [curve for curve in curves if curve.place == place]
            start = max(float(curve.across[0, 0]) for curve in beside)
            end = min(float(curve.across[0, -1]) for curve in beside)
            for curve in beside:
                figures = [np.nan] * 3
                if end > start and curve.across.shape[1] > 1:
                    figures = _estimate(_areas(curve, start, end) / (end - start), curve.n_images)
                ends = [float(np.exp(start)), float(np.exp(end))]
                records.append((*place, *curve.series, measure, *ends, *figures, curve.n_images))
    return pd.DataFrame.from_records(records, columns=list(AREA_COLUMNS))


def interpolate(across: Curve, up: Curve, at: Curve | float, slack: float = 0.0) -> Curve:
    """Read curves at given places.

    Parameters
    ----------
    across, up
        (n, K) points of n curves, each sorted by `across`; K at least 2.
    at
        (n, m) places, or one for all.
    slack
        How far beyond its ends a curve may be continued in a straight line.

    Returns
    -------
    Curve
        (n, m), or (n, 1) for a single place; NaN beyond.
    """
    places = np.broadcast_to(np.atleast_2d(at), (len(across), np.atleast_2d(at).shape[-1]))
    below = (across[:, np.newaxis, :] <= places[:, :, np.newaxis]).sum(axis=2) - 1
    left = np.clip(below, 0, across.shape[1] - 2)
    x0, x1 = (np.take_along_axis(across, left + i, axis=1) for i in (0, 1))
    y0, y1 = (np.take_along_axis(up, left + i, axis=1) for i in (0, 1))
    share = np.divide(places - x0, x1 - x0, out=np.zeros_like(x0), where=x1 > x0)
    read: Curve = y0 + share * (y1 - y0)
    beyond = (places < across[:, :1] - slack) | (places > across[:, -1:] + slack)
    return np.where(beyond, np.nan, read)


def _areas(curve: _Curves, start: float, end: float) -> Curve:
    """Integrate the piecewise linear curves from `start` to `end`, exactly."""
    knots = np.clip(curve.across, start, end)
    knots[:, 0], knots[:, -1] = start, end
    figures = interpolate(curve.across, curve.up, knots, slack=np.inf)
    areas: Curve = trapezoid(figures, knots, axis=1)
    return areas


def _read_at(curves: Iterator[_Curves], targets: dict[int, float], slack: float) -> pd.DataFrame:
    """Read every curve at every target."""
    records = []
    for curve in curves:
        for count, target in targets.items():
            figures = [np.nan] * 3
            if curve.across.shape[1] > 1:
                read = interpolate(curve.across, curve.up, target, slack)[:, 0]
                figures = _estimate(read, curve.n_images)
            records.append((*curve.place, *curve.series, count, target, *figures, curve.n_images))
    return pd.DataFrame.from_records(records, columns=list(EQUAL_COLUMNS))


def _estimate(read: Curve, n_images: int) -> list[float]:
    """Return the estimate of all images and the interval of the resamples' estimates."""
    mean = float(read[0])
    if np.isnan(mean) or n_images < 2:
        return [mean, np.nan, np.nan]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(read[1:], (tail, 1 - tail))
    return [mean, float(low), float(high)]


def _curves(
    metrics: pd.DataFrame,
    across: str,
    up: str,
    config: ReportConfig | None,
    *,
    log: bool = False,
) -> Iterator[_Curves]:
    """Yield the curve of every series over the counts of which it has any figures."""
    config = config or ReportConfig()
    for (dataset, split, *series), rows in metrics.groupby(["dataset", "split", *SERIES]):
        defined = rows.dropna(subset=[across, up])
        wide = defined.pivot(index="image", columns="n_requested", values=[across, up]).dropna()
        if wide.empty:
            continue
        figures = wide.to_numpy(dtype=np.float64)
        resampled = resampled_means(figures, config.bootstrap_samples, config.seed)
        x, y = np.hsplit(np.vstack([figures.mean(axis=0), resampled]), 2)
        x = np.log(x) if log else x
        order = np.argsort(x, axis=1, kind="stable")
        method, prior, name = map(str, series)
        yield _Curves(
            (str(dataset), str(split)),
            (method, prior, name),
            np.take_along_axis(x, order, axis=1),
            np.take_along_axis(y, order, axis=1),
            len(figures),
        )
