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
from spam_pipe.stages.report.drawing import BOUNDARY_COLOR
from spam_pipe.stages.report.meanings import MEANINGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
        (H, W) integers; those below `start_label` are no superpixels, and have no border.
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
    from matplotlib.collections import LineCollection

    ax.imshow(shown, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    lines = _sides(np.where(named < start_label, -1, named.astype(np.int64) - start_label))
    # A bright line alone is lost on bright ground.
    for points, shade in ((1.7, (0.0, 0.0, 0.0, 0.45)), (0.8, tuple(c / 255 for c in color))):
        ax.add_collection(
            LineCollection(list(lines), linewidths=points, colors=[shade]), autolim=False
        )
    ax.set_axis_off()
    return ax


def _sides(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the (n, 2, 2) ends x, y of straight borders between labels, of which -1 has none."""
    found = []
    for across in (False, True):
        own = labels.T if across else labels
        differs = (own[:, 1:] != own[:, :-1]) & (own[:, 1:] >= 0) & (own[:, :-1] >= 0)
        # Down each column of sides, where a line begins and where it ends.
        steps = np.diff(differs.astype(np.int8), axis=0, prepend=0, append=0).T
        column, begin = np.nonzero(steps == 1)
        end = np.nonzero(steps == -1)[1]
        ends = np.stack([[column + 0.5, begin - 0.5], [column + 0.5, end - 0.5]])
        found.append(np.moveaxis(ends[:, ::-1] if across else ends, -1, 0))
    return np.concatenate(found)


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
