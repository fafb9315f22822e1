"""The measures against the number of superpixels really made, as one figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from spam_pipe.stages.report.series import name_series
from spam_pipe.stages.report.style import MATPLOTLIB_STYLE, QUIET, SERIES_COLORS, SERIES_MARKERS

COUNT = "n_superpixels"
TITLES = {
    COUNT: "Superpixels made, n",
    "asa": "Accuracy (ASA)",
    "boundary_recall": "Boundary recall",
    "boundary_precision": "Boundary precision",
    "explained_variation": "Explained variation (EV)",
    "gr": "Regularity (GR)",
    "compactness": "Compactness (CO)",
}
PANELS = (
    (COUNT, "asa"),
    (COUNT, "boundary_recall"),
    (COUNT, "boundary_precision"),
    ("gr", "asa"),
    (COUNT, "explained_variation"),
    (COUNT, "gr"),
    (COUNT, "compactness"),
    ("boundary_recall", "boundary_precision"),
)
"""The panels, as (abscissa, ordinate): the measures, and the two trades between them."""

N_COLUMNS = 4
PANEL_INCHES = (3.15, 2.55)
MARGIN_INCHES = 1.0
MIN_WIDTH_INCHES = 8.0
DASHES: tuple[Literal["-", "--", ":"], ...] = ("-", "--", ":")
FEW = 6
"""More series than this are drawn without bands, which would hide one another."""

SATURATING = "asa"
LOWEST_SHARE = 0.04
MANY_POINTS = 40
"""Of so many points, the least few of a measure that crowds below 1 may lie outside of a panel."""

LOG_FROM = 3.0
"""Counts that span at least this factor get a logarithmic axis."""

NOTE = (
    "Ground-truth measures: mean over annotators, then over images. "
    "Bands and bars: 95 % bootstrap interval over images."
)


@dataclass(frozen=True)
class Curve:
    """One series of the summary and how it is drawn.

    `shift`, in points, keeps the bars of series with a single count apart.
    """

    label: str
    points: pd.DataFrame
    color: str
    marker: str
    dash: Literal["-", "--", ":"]
    shift: float


def draw_curves(summary: pd.DataFrame, title: str | None = None) -> Figure:
    """Draw the measures of a summary against the mean number of superpixels made.

    Parameters
    ----------
    summary
        From `stages.report.tables.summary_table`.
    title
        Of the figure; by default the values that all rows share.

    Returns
    -------
    Small multiples, two trade-offs among them; panels without any figure are left out. A
    series with one count is a point with its interval. Write it with `save_figure`.
    """
    series = name_series(summary) if len(summary) else None
    with matplotlib.rc_context(MATPLOTLIB_STYLE):  # type: ignore[arg-type]
        curves = split_curves(summary, series.labels) if series else []
        # A series that failed everywhere has no curve, but keeps its colour.
        curves = [curve for curve in curves if curve.points[f"{COUNT}_mean"].notna().any()]
        panels = [panel for panel in PANELS if _drawable(curves, panel)]
        n_columns = min(N_COLUMNS, max(1, len(panels)))
        n_rows = max(1, -(-len(panels) // n_columns))
        figure = empty_figure(n_rows, n_columns)
        heading = title or (series.title() if series else "")
        write_heading(figure, heading, curves)
        if not panels:
            figure.text(0.5, 0.45, "no figures yet", ha="center", color=QUIET)
        for place, panel in enumerate(panels):
            _draw_panel(figure.add_subplot(n_rows, n_columns, place + 1), panel, curves)
    return figure


def empty_figure(n_rows: int, n_columns: int) -> Figure:
    """Return a figure with room for panels and the heading above them."""
    width = max(n_columns * PANEL_INCHES[0], MIN_WIDTH_INCHES)
    height = n_rows * PANEL_INCHES[1] + MARGIN_INCHES
    layout = ConstrainedLayoutEngine(
        rect=(0.004, 0.0, 0.992, 1 - 0.62 / height), w_pad=0.07, h_pad=0.06
    )
    figure = Figure(figsize=(width, height), dpi=160, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def save_figure(
    figure: Figure, target: str | BinaryIO, form: Literal["png", "svg", "pdf"] = "png"
) -> None:
    """Write a figure; equal figures give equal bytes.

    Parameters
    ----------
    figure
        From `draw_curves`.
    target
        A path or a file open for bytes.
    form
        A PNG, or one of the vector formats for papers.
    """
    undated = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}
    with matplotlib.rc_context(MATPLOTLIB_STYLE):  # type: ignore[arg-type]
        figure.savefig(target, format=form, metadata={undated[form]: None})


def split_curves(
    summary: pd.DataFrame,
    labels: Sequence[str],
    across: str = COUNT,
    names: Sequence[str] | None = None,
) -> list[Curve]:
    """Split a table into its series, each sorted by its curve's abscissa.

    Parameters
    ----------
    summary
        A row per point of a curve; means have the suffix ``_mean``.
    labels
        The series of each row.
    across
        The abscissa of the curves.
    names
        Series in the order that gives them their colours; by default that of the rows. Those
        without a row get no curve.
    """
    names = list(dict.fromkeys(labels if names is None else names))
    return [
        Curve(
            label=name,
            points=summary[[label == name for label in labels]].sort_values(f"{across}_mean"),
            color=SERIES_COLORS[i % len(SERIES_COLORS)],
            marker=SERIES_MARKERS[i % len(SERIES_MARKERS)],
            dash=DASHES[i // len(SERIES_COLORS) % len(DASHES)],
            shift=7.0 * (i - (len(names) - 1) / 2),
        )
        for i, name in enumerate(names)
        if name in labels
    ]


def _drawable(curves: Sequence[Curve], panel: tuple[str, str]) -> bool:
    means = [f"{measure}_mean" for measure in panel]
    return any(bool(curve.points[means].notna().all(axis=1).any()) for curve in curves)


def write_heading(figure: Figure, heading: str, curves: Sequence[Curve], note: str = NOTE) -> None:
    """Put title, note and the series' names, in their colours, above the panels."""
    height = float(figure.get_size_inches()[1])
    left = 0.012
    figure.text(left, 1 - 0.13 / height, heading, va="top", size=13, weight="bold")
    figure.text(left, 1 - 0.40 / height, note, va="top", size=8.5, color=QUIET)
    if len(curves) < 2:
        return
    handles = [
        Line2D(
            [], [], color=c.color, marker=c.marker, linestyle=c.dash, markersize=5, label=c.label
        )
        for c in curves
    ]
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=max(1, min(len(curves), int(figure.get_size_inches()[0] // 2.6))),
        frameon=False,
        labelcolor="linecolor",
        handlelength=1.8,
        columnspacing=1.8,
    )


def _draw_panel(axes: Axes, panel: tuple[str, str], curves: Sequence[Curve]) -> None:
    across, up = panel
    for order, curve in enumerate(curves):
        draw_curve(axes, panel, curve, zorder=3 + 0.1 * order, banded=len(curves) <= FEW)
    axes.margins(x=0.07, y=0.12)
    if up == SATURATING:
        _focus(axes, np.concatenate([curve.points[f"{up}_mean"].dropna() for curve in curves]))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    if across == COUNT:
        axes.set_title(TITLES[up])
        axes.set_xlabel(TITLES[COUNT])
        _scale_counts(axes, curves)
    else:
        axes.set_title(" / ".join(map(_short, (up, across))))
        axes.set_xlabel(TITLES[across])
        axes.set_ylabel(TITLES[up])
        axes.xaxis.set_major_locator(MaxNLocator(5))


def _focus(axes: Axes, figures: NDArray[np.float64]) -> None:
    """Leave the least of many figures outside, so that the others can be told apart."""
    if len(figures) < MANY_POINTS:
        return
    low, high = float(np.quantile(figures, LOWEST_SHARE)), float(figures.max())
    margin = 0.06 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    for line in axes.lines:
        line.set_clip_on(True)


def draw_curve(
    axes: Axes, panel: tuple[str, str], curve: Curve, zorder: float, banded: bool = True
) -> None:
    """Draw one series: a line in its band, or points with bars."""
    across, up = panel
    points = curve.points.dropna(subset=[f"{across}_mean", f"{up}_mean"])
    x, y, low, high = (
        points[name].to_numpy(dtype=np.float64)
        for name in (f"{across}_mean", f"{up}_mean", f"{up}_lo", f"{up}_hi")
    )
    place = axes.transData
    chosen = across not in TITLES or across == COUNT  # not measured: a band is of `up` alone
    if chosen and banded and len(points) > 1:
        axes.fill_between(x, low, high, color=curve.color, alpha=0.16, linewidth=0, zorder=2)
    elif chosen and len(points) == 1:
        inches = axes.figure.dpi_scale_trans
        place = place + ScaledTranslation(curve.shift / 72, 0, inches)
        axes.vlines(x, low, high, curve.color, linewidth=1.6, zorder=zorder, transform=place)
        # A shifted curve does not count for the axes' limits by itself.
        ends = np.concatenate([y, low[~np.isnan(low)], high[~np.isnan(high)]])
        axes.update_datalim(np.stack([np.broadcast_to(x[:1], ends.shape), ends], axis=1))
        axes.autoscale_view()
    axes.plot(
        x,
        y,
        color=curve.color,
        linestyle=curve.dash,
        marker=curve.marker,
        markersize=5.5,
        markeredgecolor="white",
        markeredgewidth=0.8,
        linewidth=1.7,
        zorder=zorder,
        clip_on=False,
        transform=place,
    )


def _scale_counts(axes: Axes, curves: Sequence[Curve]) -> None:
    """Make the axis of counts logarithmic where it is wide, with ticks at round counts."""
    made = np.concatenate([curve.points[f"{COUNT}_mean"].dropna() for curve in curves])
    if made.max() >= LOG_FROM * made.min():
        scale_logarithmically(axes, float(made.min()), float(made.max()))
        return
    if made.max() < 1.1 * made.min():
        axes.set_xlim(0.9 * made.min(), 1.1 * made.max())
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def scale_logarithmically(axes: Axes, low: float, high: float) -> None:
    """Make the abscissa logarithmic, with ticks at round places."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(_round_places(low, high)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:g}"))


def _round_places(low: float, high: float) -> list[float]:
    """Return 3 to 7 round places, evenly spread on a logarithmic axis around [low, high]."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    steps: tuple[tuple[float, ...], ...] = ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 4, 7), (1, 3), (1,))
    for step in steps:
        counts = np.sort(np.outer(decades, step).ravel())
        inside = counts[(counts >= 0.93 * low) & (counts <= 1.08 * high)]
        if len(inside) <= 7:
            break
    return [float(count) for count in inside]


def _short(measure: str) -> str:
    """Return a measure's title without abbreviation, for the trade-offs' titles."""
    title = TITLES[measure].partition(" (")[0]
    return title.removeprefix("Boundary ").capitalize()
