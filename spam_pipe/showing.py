"""Pictures of results: on matplotlib's axes, and as notebooks show them."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from spam_pipe.pictures import as_inputs
from spam_pipe.stages.report.drawing import BOUNDARY_COLOR, draw_boundaries
from spam_pipe.stages.report.meanings import MEANINGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FINE = 1200
"""Samples of a picture's longer side, at least: lines are then thinner than a pixel."""


def plot(
    image: ArrayLike,
    labels: ArrayLike,
    ax: Axes | None = None,
    *,
    channel_axis: int | None = -1,
    start_label: int = 0,
    color: tuple[int, int, int] = BOUNDARY_COLOR,
) -> Axes:
    """Draw an image and the borders of its superpixels.

    Parameters
    ----------
    image, channel_axis
        As for `spam_pipe.segment`.
    labels
        (H, W) integers; those below `start_label` are no superpixels and have no border.
    ax
        Where it is drawn; by default the current axes of matplotlib.
    start_label
        The first label, as it was given to `spam_pipe.segment`.
    color
        Of the borders, sRGB in 0..255.

    Returns
    -------
    matplotlib.axes.Axes
        In the image's coordinates: pixel (row, column) has its centre at y = row, x = column.

    Raises
    ------
    ValueError
        When the image is none, or the labels do not belong to it.

    Examples
    --------
    >>> import numpy as np
    >>> from spam_pipe import plot
    >>> image = np.zeros((40, 60, 3), np.uint8)
    >>> cells = np.arange(40)[:, np.newaxis] // 20 * 3 + np.arange(60) // 20
    >>> plot(image, cells).get_xlim()
    (-0.5, 59.5)
    """
    shown = as_inputs(image, None, channel_axis).image
    assert shown is not None
    named = np.asarray(labels)
    height, width = shown.shape[:2]
    if named.shape != (height, width) or named.dtype.kind not in "iu":
        raise ValueError(
            f"labels are integers of the image's shape {(height, width)}, not {named.dtype} of "
            f"shape {named.shape}"
        )
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.gca()
    superpixels = np.where(named < start_label, 0, named.astype(np.int64) - start_label + 1)
    times = max(1, -(-_FINE // max(height, width)))
    drawn = draw_boundaries(
        shown.repeat(times, axis=0).repeat(times, axis=1),
        superpixels.repeat(times, axis=0).repeat(times, axis=1),
        color=color,
        start_label=1,
    )
    ax.imshow(drawn, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    ax.set_axis_off()
    return ax


class Figures(dict[str, float | None]):
    """A dictionary of metrics that notebooks show as a table, with what each of them says."""

    def _repr_html_(self) -> str:
        rows = [
            f'<tr title="{escape(MEANINGS.get(name, ""))}"><th style="text-align: left">{name}</th>'
            f"<td>{_said(value)}</td></tr>"
            for name, value in self.items()
        ]
        return f"<table>{''.join(rows)}</table>"


def as_html(caption: str, picture: NDArray[np.uint8]) -> str:
    """Return an (H, W) grey or (H, W, 3) sRGB picture and a line about it, as a notebook's HTML."""
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    source = f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
    return (
        f'<figure style="margin: 0"><img src="{source}" alt="" style="max-width: 100%">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _said(value: float | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
