"""Seconds of every stage against the requested count."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from spam_pipe.stages.report.curves import (
    draw_curve,
    empty_figure,
    scale_logarithmically,
    split_curves,
    write_heading,
)
from spam_pipe.stages.report.style import MATPLOTLIB_STYLE

SECONDS_COLUMNS = ("label", "stage", "n_requested", "n_images", "median", "lower", "upper")
NOTE = "Median seconds of an image in one process; bands: quartiles. Dashed: whatever K is."


def seconds_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Summarise the seconds of each stage over images.

    Parameters
    ----------
    rows
        One mapping per image, series, stage and requested count: ``label``, ``stage``,
        ``n_requested`` (None where a stage does not depend on it) and ``seconds``.

    Returns
    -------
    Exactly `SECONDS_COLUMNS`, in the order of the rows: median and quartiles over images.
    """
    table = pd.DataFrame.from_records(
        [dict(row) for row in rows], columns=["label", "stage", "n_requested", "seconds"]
    )
    table["n_requested"] = table["n_requested"].astype("Int64")
    grouped = table.groupby(["label", "stage", "n_requested"], sort=False, dropna=False)["seconds"]
    found = grouped.quantile(np.array([0.25, 0.5, 0.75])).unstack()
    found.columns = pd.Index(["lower", "median", "upper"])
    found["n_images"] = grouped.size()
    return found.reset_index()[list(SECONDS_COLUMNS)]


def draw_seconds(
    table: pd.DataFrame, title: str = "", names: Sequence[str] | None = None
) -> Figure:
    """Draw a panel per stage.

    Parameters
    ----------
    table
        From `seconds_table`.
    title
        Of the figure.
    names
        Series in the order of their colours; by default that of the rows.

    Returns
    -------
    Both axes are logarithmic. Write it with `stages.report.curves.save_figure`.
    """
    points = table.rename(columns={"lower": "s_lo", "median": "s_mean", "upper": "s_hi"})
    points["k_mean"] = points["n_requested"].astype("Float64").astype(np.float64)
    stages = list(dict.fromkeys(points["stage"]))
    counts = points["k_mean"].dropna()
    with matplotlib.rc_context(MATPLOTLIB_STYLE):  # type: ignore[arg-type]
        figure = empty_figure(1, max(1, len(stages)))
        curves = split_curves(points, points["label"].tolist(), "k", names)
        write_heading(figure, title, curves, NOTE)
        for place, stage in enumerate(stages):
            axes = figure.add_subplot(1, len(stages), place + 1)
            for order, curve in enumerate(curves):
                own = curve.points[curve.points["stage"] == stage]
                if bool(own["k_mean"].isna().all()):
                    for level in own["s_mean"]:
                        axes.axhline(level, color=curve.color, linestyle="--", linewidth=1.4)
                else:
                    own_curve = replace(curve, points=own, shift=0.0)
                    draw_curve(axes, ("k", "s"), own_curve, zorder=3 + 0.1 * order)
            axes.set_title(f"{stage.capitalize()}, seconds")
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
            if len(counts):
                scale_logarithmically(axes, float(counts.min()), float(counts.max()))
                axes.set_xlim(0.9 * float(counts.min()), 1.12 * float(counts.max()))
            axes.set_xlabel("Superpixels requested, K")
    return figure
