"""The measures over the values of a sweep's axis, as the papers' ablations are drawn."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spam_pipe.stages.report.contact_sheet import spread
from spam_pipe.stages.report.curves import (
    LOG_FROM,
    TITLES,
    Curve,
    draw_curve,
    empty_figure,
    scale_logarithmically,
    split_curves,
    write_heading,
)
from spam_pipe.stages.report.style import MATPLOTLIB_STYLE

VALUE = "value"
SHOWN = {measure: TITLES[measure] for measure in ("asa", "gr", "boundary_recall")}
"""The measures that are drawn, a row each, where they are defined, and their titles."""

MOST_COUNTS = 4
"""Requested counts that get a column each; of more, evenly spread ones."""


def numeric_axes(points: Mapping[str, Mapping[str, float | str]]) -> list[str]:
    """Return the axes along which curves can be drawn: at least two different numbers.

    Parameters
    ----------
    points
        Values by axis, by the point's label.
    """
    names = dict.fromkeys(name for values in points.values() for name in values)
    numbers = {
        name: {v[name] for v in points.values() if not isinstance(v.get(name, ""), str)}
        for name in names
    }
    return [name for name in names if len(numbers[name]) > 1]


def axis_table(
    summary: pd.DataFrame, points: Mapping[str, Mapping[str, float | str]], axis: str
) -> pd.DataFrame:
    """Return the summary's rows of a sweep's points with their places on one axis.

    Parameters
    ----------
    summary
        From `stages.report.tables.summary_table`.
    points
        Values by axis, by the point's label, which is the rows' `config`.
    axis
        One of `numeric_axes`.

    Returns
    -------
    The rows of points that have a number there, with the columns `value_mean` (that number)
    and `series` (the values of the other axes).
    """
    placed = {
        label: (values[axis], ", ".join(_say(values[name]) for name in values if name != axis))
        for label, values in points.items()
        if not isinstance(values.get(axis, ""), str)
    }
    rows = summary[summary["config"].isin(list(placed))].copy()
    rows[f"{VALUE}_mean"] = [float(placed[config][0]) for config in rows["config"]]
    rows["series"] = [placed[config][1] for config in rows["config"]]
    return rows


def draw_axis(
    summary: pd.DataFrame,
    points: Mapping[str, Mapping[str, float | str]],
    axis: str,
    title: str = "",
    measures: Mapping[str, str] = SHOWN,
) -> Figure:
    """Draw measures over an axis: a row per measure, a column per count, a curve per series.

    Parameters
    ----------
    summary, points, axis
        As for `axis_table`.
    title
        Of the figure.
    measures
        Columns of the summary, without their suffixes, and their names in the figure.

    Returns
    -------
    Write it with `stages.report.curves.save_figure`. Bands are 95 % bootstrap intervals.
    """
    rows = axis_table(summary, points, axis)
    counts = spread(sorted(int(count) for count in rows["n_requested"].unique()), MOST_COUNTS)
    shown = [measure for measure in measures if bool(rows[f"{measure}_mean"].notna().any())]
    with matplotlib.rc_context(MATPLOTLIB_STYLE):  # type: ignore[arg-type]
        figure = empty_figure(max(1, len(shown)), max(1, len(counts)))
        write_heading(figure, title, split_curves(rows, rows["series"].tolist(), VALUE))
        names = list(dict.fromkeys(rows["series"]))
        for i, measure in enumerate(shown):
            for j, count in enumerate(counts):
                axes = figure.add_subplot(len(shown), len(counts), i * len(counts) + j + 1)
                here = rows[rows["n_requested"] == count]
                _draw(axes, here, names, measure)
                axes.set_title(f"{measures[measure]}, K = {count}")
                axes.set_xlabel(axis)
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, names: Sequence[str], measure: str) -> None:
    curves: list[Curve] = split_curves(rows, rows["series"].tolist(), VALUE)
    curves.sort(key=lambda curve: names.index(curve.label))
    for order, curve in enumerate(curves):
        draw_curve(axes, (VALUE, measure), curve, zorder=3 + 0.1 * order)
    axes.margins(x=0.07, y=0.12)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    values = rows[f"{VALUE}_mean"].to_numpy(dtype=np.float64)
    if len(values) and values.min() > 0 and values.max() >= LOG_FROM * values.min():
        scale_logarithmically(axes, float(values.min()), float(values.max()))


def _say(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
