"""Methods compared on equal terms: at the same count, at the same regularity, over all counts.

A method that was asked for K superpixels makes n: comparing methods at equal n takes their curves
over K and reads between the points. Another one trades accuracy for regularity: comparing it at
equal GR takes the reference at several weights of its compactness, and reads between those.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from spam_pipe.stages.report.bootstrap import CONFIDENCE, resampled_means
from spam_pipe.stages.report.comparisons import COMPARED, method_keys
from spam_pipe.stages.report.config import ReportConfig
from spam_pipe.stages.report.series import SERIES, MethodKey

Curve = NDArray[np.float64]

COUNT_SLACK = float(np.log(1.05))
"""How far beyond its ends a curve over log n may be read: 5 % of the count."""

EQUAL_COLUMNS = ("dataset", "split", *SERIES, "n_requested", "at", "mean", "lo", "hi", "n_images")
REGULARITY_COLUMNS = (
    "dataset",
    "split",
    *SERIES,
    "n_requested",
    "gr",
    "mean",
    "reference_gr",
    "reference_mean",
    "difference",
    "lo",
    "hi",
    "n_images",
)
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
    series: MethodKey
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
    reference: MethodKey,
    measure: str = "asa",
    config: ReportConfig | None = None,
) -> pd.DataFrame:
    """Set each method beside the reference where that is as regular, at the same requested count.

    The series of the reference's method and prior are one family: at each K their means, those
    of several weights of compactness, say, are a curve of the measure over GR. It is read where
    its GR is the method's; for a method less regular than all of the family, at its least
    regular end, where the reference is more regular as well.

    Parameters
    ----------
    metrics
        From `stages.report.tables.metrics_table`; of one dataset's split.
    reference
        The method that others are compared with.
    measure
        Which figure.
    config
        Number of resamples and seed of the bootstrap.

    Returns
    -------
    Exactly `REGULARITY_COLUMNS`, a row per series outside of the family and requested count:
    the GR and the mean of the method; the GR at which the reference is read, and its figure
    there; method minus reference with its interval over images that all have, NaN with one
    image. The reference's figures are NaN where all of the family are less regular.

    Raises
    ------
    ValueError
        When no row is of the reference series, or rows are of several datasets.
    """
    if len(metrics[["dataset", "split"]].drop_duplicates()) > 1:
        raise ValueError("equal regularity is read on one dataset's split at a time")
    series = method_keys(metrics)
    if reference not in series:
        raise ValueError(f"no rows of {reference} to compare with")
    config = config or ReportConfig()
    records = []
    for count, rows in metrics.groupby("n_requested"):
        wide = rows.pivot(index="image", columns=list(SERIES), values=["gr", measure])
        there = wide.dropna(axis="columns", how="all")["gr"].columns if wide.size else []
        family = [key for key in there if key[:2] == reference.family]
        for key in series:
            if not family or key.family == reference.family or key.values not in there:
                continue
            columns = [
                (figure, *each) for figure in ("gr", measure) for each in (key.values, *family)
            ]
            if not set(columns) <= set(wide.columns):
                continue
            figures = wide[columns].dropna().to_numpy(dtype=np.float64)
            if not len(figures):
                continue
            resampled = resampled_means(figures, config.bootstrap_samples, config.seed)
            gr, up = np.hsplit(np.vstack([figures.mean(axis=0), resampled]), 2)
            at, theirs = _read_family(gr[:, 1:], up[:, 1:], gr[:, 0])
            difference = _estimate(up[:, 0] - theirs, len(figures))
            own = [float(gr[0, 0]), float(up[0, 0]), float(at[0]), float(theirs[0])]
            place = (rows["dataset"].iloc[0], rows["split"].iloc[0])
            records.append((*place, *key.values, count, *own, *difference, len(figures)))
    return pd.DataFrame.from_records(records, columns=list(REGULARITY_COLUMNS))


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
                records.append(
                    (*place, *curve.series.values, measure, *ends, *figures, curve.n_images)
                )
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


def _read_family(gr: Curve, up: Curve, at: Curve) -> tuple[Curve, Curve]:
    """Read a family's curves over GR at given places, or at their least regular ends."""
    order = np.argsort(gr, axis=1, kind="stable")
    # Two points make a curve; of one, the same twice.
    across, figures = (
        np.repeat(sorted_, 1 + (gr.shape[1] == 1), axis=1)
        for sorted_ in (np.take_along_axis(each, order, axis=1) for each in (gr, up))
    )
    places = np.maximum(at, across[:, 0])
    return places, interpolate(across, figures, places[:, np.newaxis])[:, 0]


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
            records.append(
                (*curve.place, *curve.series.values, count, target, *figures, curve.n_images)
            )
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
    """Yield the curve of every series over the counts at which it has figures."""
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
        yield _Curves(
            (str(dataset), str(split)),
            MethodKey(*map(str, series)),
            np.take_along_axis(x, order, axis=1),
            np.take_along_axis(y, order, axis=1),
            len(figures),
        )
