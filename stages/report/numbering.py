"""Objects with their numbers written on them, so that a person can say which one is meant."""

from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import distance_transform_edt, maximum_position

from spam_pipe.stages.report.contact_sheet import caption_font
from spam_pipe.stages.report.drawing import Rgb, draw_boundaries

_SHOWN = 1400
"""Pixels that the longer side of a numbered picture is enlarged to, by a whole factor."""

_SMALLEST, _LARGEST = 15, 34
"""Font sizes in pixels of the enlarged picture."""


def innermost_points(objects: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return, of each object, the pixel that is farthest from its border and the frame.

    Parameters
    ----------
    objects
        (H, W) ids 1..n, each present; 0 is uncertain.

    Returns
    -------
    (n, 2) rows and columns; of several that are as far, the first in raster order.
    """
    return _innermost(objects)[0]


def number_objects(image: Rgb, objects: NDArray[np.integer]) -> Rgb:
    """Draw the objects' borders on a picture and write each one's number on its inner-most point.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    objects
        (H, W) ids 1..n, each present; 0 is uncertain.

    Returns
    -------
    (s·H, s·W, 3) uint8, enlarged s times (at least once) so that numbers can be read.

    Raises
    ------
    ValueError
        When image and objects do not fit each other.
    """
    scale = max(1, ceil(_SHOWN / max(objects.shape)))
    large = np.asarray(
        Image.fromarray(image).resize(
            (objects.shape[1] * scale, objects.shape[0] * scale), Image.Resampling.BICUBIC
        )
    )
    enlarged = np.repeat(np.repeat(objects, scale, axis=0), scale, axis=1)
    picture = Image.fromarray(draw_boundaries(large, enlarged))
    draw = ImageDraw.Draw(picture)
    points, depths = _innermost(objects)
    for number, ((row, column), depth) in enumerate(zip(points, depths, strict=True), start=1):
        size = int(np.clip(0.9 * depth * scale, _SMALLEST, _LARGEST))
        draw.text(
            ((column + 0.5) * scale, (row + 0.5) * scale),
            str(number),
            font=caption_font(size, bold=True),
            fill="white",
            stroke_width=max(2, size // 8),
            stroke_fill="black",
            anchor="mm",
        )
    return np.asarray(picture)


def _innermost(objects: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the points of `innermost_points` and how far they are from the border in pixels."""
    framed = np.pad(objects.astype(np.int64), 1, constant_values=-1)
    border = np.zeros(framed.shape, np.bool_)
    across, down = framed[:, 1:] != framed[:, :-1], framed[1:] != framed[:-1]
    border[:, 1:] |= across
    border[:, :-1] |= across
    border[1:] |= down
    border[:-1] |= down
    # A border pixel of an object is its own, half a step from the next object.
    depth = distance_transform_edt(~border)[1:-1, 1:-1] + 0.5
    ids = np.arange(1, int(objects.max()) + 1)
    points = np.array(maximum_position(depth, objects, ids), np.int64).reshape(-1, 2)
    return points, depth[points[:, 0], points[:, 1]]
