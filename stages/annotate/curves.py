"""The accuracy of masks against the clicks that made them, as a figure."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spam_pipe.stages.report.style import MATPLOTLIB_STYLE, QUIET, SERIES_COLORS

_SIZE_INCHES = (7.6, 4.6)
_DASHES = ("-", "--", ":")
_FIRST = 3
"""From which click on curves are drawn: with fewer regions than that, all methods are alike."""


def draw_click_curves(
    curves: Mapping[str, NDArray[np.float64]],
    targets: Sequence[float],
    n_images: int,
    unit: int | str | None,
) -> Figure:
    """Draw the pixel accuracy against the number of clicks, a curve per method.

    Parameters
    ----------
    curves
        (n,) mean accuracy after each click, by method; all of one length.
    targets
        Accuracies to be marked.
    n_images, unit
        What the note says they stand on.
    """
    with matplotlib.rc_context(MATPLOTLIB_STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        ordered = sorted(curves, key=lambda label: -float(curves[label][-1]))
        places = {label: place for place, label in enumerate(curves)}
        lowest = 1.0
        for label in ordered:
            place, accuracy = places[label], curves[label]
            first = min(_FIRST, accuracy.size) - 1
            lowest = min(lowest, float(accuracy[first]))
            axes.plot(
                np.arange(first, accuracy.size) + 1,
                accuracy[first:],
                color=SERIES_COLORS[place % len(SERIES_COLORS)],
                linestyle=_DASHES[place // len(SERIES_COLORS) % len(_DASHES)],
                linewidth=1.8,
                label=label,
            )
        for target in targets:
            axes.axhline(target, color=QUIET, linewidth=0.8, linestyle=(0, (2, 3)))
        axes.set_xscale("log")
        n = max(accuracy.size for accuracy in curves.values())
        ticks = [tick for tick in (1, 3, 5, 10, 20, 50, 100, 200, 500, 1000) if _FIRST <= tick <= n]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.set_xlim(min(_FIRST, n), max(n, 2))
        axes.set_ylim(np.floor(20 * lowest) / 20, 1.0)
        axes.set_xlabel("Clicks on an image")
        axes.set_ylabel("Pixel accuracy")
        axes.set_title("What a click is worth")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
        figure.supxlabel(
            f"Mean over {n_images} images, K = {unit}. Each click is at the innermost pixel of the "
            "largest error; superpixels without one take the class nearest in colour.",
            x=0.01,
            ha="left",
            color=QUIET,
            fontsize=8,
        )
    return figure
