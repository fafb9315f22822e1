"""Two methods image by image: a scatter in which the worst and best images are named."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spam_pipe.stages.report.curves import TITLES, empty_figure, write_heading
from spam_pipe.stages.report.style import MATPLOTLIB_STYLE, QUIET, SERIES_COLORS

NAMED = 3
"""How many images are named at either end."""

NOTE = (
    "One point per image; above the line the method on the vertical axis is better. "
    "Named: where it loses and wins most."
)


def draw_scatter(
    differences: pd.DataFrame, names: tuple[str, str], measure: str = "asa", title: str = ""
) -> Figure:
    """Draw one method's figures over another's.

    Parameters
    ----------
    differences
        From `stages.report.comparisons.image_differences`: worst images first.
    names
        The names of the method and of the reference.
    measure
        The name of the figures.
    title
        Of the figure.

    Returns
    -------
    Write it with `stages.report.curves.save_figure`.
    """
    theirs = differences["reference"].to_numpy(dtype=np.float64)
    mine = differences["figure"].to_numpy(dtype=np.float64)
    gain = mine >= theirs
    with matplotlib.rc_context(MATPLOTLIB_STYLE):  # type: ignore[arg-type]
        figure = empty_figure(2, 2)
        write_heading(figure, title, [], NOTE)
        axes = figure.add_subplot(1, 1, 1)
        low = float(min(mine.min(), theirs.min()))
        axes.axline((low, low), slope=1, color=QUIET, linewidth=1)
        for chosen, color in ((gain, SERIES_COLORS[0]), (~gain, SERIES_COLORS[1])):
            axes.scatter(
                theirs[chosen], mine[chosen], s=26, color=color, edgecolor="white", linewidth=0.6
            )
        axes.set_aspect("equal", adjustable="datalim")
        axes.margins(x=0.1, y=0.1)
        axes.set_xlabel(f"{TITLES[measure]}, {names[1]}")
        axes.set_ylabel(f"{TITLES[measure]}, {names[0]}")
        ends = {*range(min(NAMED, len(mine))), *range(max(0, len(mine) - NAMED), len(mine))}
        for i in sorted(ends):
            axes.annotate(
                str(differences["image"].iloc[i]),
                (theirs[i], mine[i]),
                xytext=(6, -4 if mine[i] < theirs[i] else 4),
                textcoords="offset points",
                fontsize=7.5,
                color=QUIET,
                va="center",
            )
    return figure
