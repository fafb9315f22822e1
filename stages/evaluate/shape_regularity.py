"""Shape regularity criterion of superpixels (Giraud, Ta, Papadakis, 2017)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel, record
from spam_pipe.stages.evaluate.chain_code import follow, steps_of
from spam_pipe.stages.evaluate.convex_hull import bound
from spam_pipe.stages.evaluate.regions import Regions

_GIRAUD_FACTOR = 0.925
"""Factor of convexity ratios in Giraud's published program."""


def shape_regularity(components: Regions) -> tuple[float, float]:
    """Return how convex, smooth and balanced superpixels are.

    SRC = (1/N) Σ n_k · CR_k · √V_k, where CR compares perimeter and area of the superpixel with
    those of its convex hull, and V is the ratio of the standard deviations of its columns and
    rows; a one-pixel superpixel has CR = V = 1.

    Parameters
    ----------
    components
        The superpixels, each one 8-connected.

    Returns
    -------
    SRC, about 0 to 1, and the value of Giraud's published C program: with the pixels of the
    bounding box *outside* the hull in place of the hull, and CR multiplied by 0.925 (but for
    one pixel).
    """
    starts, stops, first, areas, width = components
    rows, columns = starts // width, starts % width
    tops = rows[first[:-1]]
    heights = rows[first[1:] - 1] - tops + 1
    lefts = np.minimum.reduceat(columns, first[:-1])
    widths = np.maximum.reduceat(columns + stops - starts, first[:-1]) - lefts
    figures = np.zeros((areas.size, 4))
    tallest, largest = int(heights.max()), int(((heights + 2) * (widths + 2)).max())
    shapes = _Shapes(
        rows - tops[components.owners] + 1,
        columns - lefts[components.owners] + 1,
        stops - starts,
        first,
        heights,
        widths,
    )
    room = _Room(
        np.empty((6, tallest), np.int64), np.empty((2, largest), np.uint8), np.empty(8, np.int64)
    )
    directions = np.stack([steps_of(0), steps_of(1) - steps_of(0)])
    _measure_shapes(shapes, directions, room, figures)
    perimeter, hull_perimeter, outside_perimeter, hull_area = figures.T
    weights = areas * np.sqrt(_balance(components))
    one = areas == 1  # its CR and V are 1
    with np.errstate(invalid="ignore", divide="ignore"):
        plain = weights * areas * hull_perimeter / (perimeter * hull_area)
        outside_area = areas + heights * widths - hull_area
        ratios = areas * outside_perimeter / (perimeter * outside_area)
        giraud = weights * _GIRAUD_FACTOR * ratios
    pixels = areas.sum()
    # Added one after the other: a sum in another order would differ in its last digit.
    src, src_giraud = (np.where(one, 1.0, each).cumsum()[-1] / pixels for each in (plain, giraud))
    return float(src), float(src_giraud)


class _Shapes(NamedTuple):
    """Runs of pixels, placed in the frame of their shape's box, and the boxes."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    lengths: NDArray[np.int64]
    first: NDArray[np.int64]  # (N + 1,) the first run of each shape
    heights: NDArray[np.int64]  # (N,)
    widths: NDArray[np.int64]  # (N,)


class _Room(NamedTuple):
    """To work in."""

    lines: NDArray[np.int64]
    masks: NDArray[np.uint8]
    steps: NDArray[np.int64]


@kernel(
    (
        record(_Shapes, "int64[::1], " * 5 + "int64[::1]"),
        "int64[:, ::1]",
        record(_Room, "int64[:, ::1], uint8[:, ::1], int64[::1]"),
        "float64[:, ::1]",
    )
)
def _measure_shapes(
    shapes: _Shapes, directions: NDArray[np.int64], room: _Room, figures: NDArray[np.float64]
) -> None:
    """Write the perimeters of shape, hull and what is outside of the hull, and the hull's area.

    `directions` says how far the eight neighbours are apart at a width of 0, and by how much more
    for each pixel of it.
    """
    rows, columns, lengths, first, heights, widths = shapes
    lines, masks, steps = room
    left, right, hull_left, hull_right = lines[0], lines[1], lines[2], lines[3]
    negative, corners = lines[4], lines[5]
    mask, outside = masks[0], masks[1]
    for region in range(first.size - 1):
        height, width = heights[region], widths[region]
        stride = width + 2
        for i in range((height + 2) * stride):
            mask[i] = 0
        for row in range(height):
            left[row] = width
            right[row] = -1
        for run in range(first[region], first[region + 1]):
            row, column, end = rows[run] - 1, columns[run] - 1, columns[run] - 1 + lengths[run]
            if column < left[row]:
                left[row] = column
            if end - 1 > right[row]:
                right[row] = end - 1
            for i in range((row + 1) * stride + column + 1, (row + 1) * stride + end + 1):
                mask[i] = 1
        for i in range(8):
            steps[i] = directions[0, i] + stride * directions[1, i]
        figures[region, 0] = follow(mask, height + 2, stride, steps)
        bound(left, height, corners, hull_left)
        for row in range(height):
            negative[row] = -right[row]
        bound(negative, height, corners, hull_right)
        area = 0
        for i in range((height + 2) * stride):
            outside[i] = mask[i]
        for row in range(height):
            begin, end = hull_left[row], -hull_right[row] + 1
            area += end - begin
            line = (row + 1) * stride + 1
            for i in range(width):
                if i >= begin and i < end:
                    mask[line + i] = 1
                else:
                    outside[line + i] = 1
        figures[region, 1] = follow(mask, height + 2, stride, steps)
        figures[region, 2] = follow(outside, height + 2, stride, steps)
        figures[region, 3] = area


def _balance(components: Regions) -> NDArray[np.float64]:
    """Return per region the smaller by the larger standard deviation of its columns and rows."""
    starts, stops, first, areas, width = components
    lengths = stops - starts
    rows, columns = starts // width, starts % width
    # About the first pixel, which keeps the sums small.
    dy = rows - rows[first[:-1]][components.owners]
    dx = columns - columns[first[:-1]][components.owners]
    inner = lengths * (lengths - 1) // 2
    x, y = components.sums(lengths * dx + inner), components.sums(lengths * dy)
    xx = components.sums(lengths * dx * dx + 2 * dx * inner + inner * (2 * lengths - 1) // 3)
    yy = components.sums(lengths * dy * dy)
    variance_x = (xx - x / areas * x) / areas
    variance_y = (yy - y / areas * y) / areas
    least, most = np.minimum(variance_x, variance_y), np.maximum(variance_x, variance_y)
    with np.errstate(invalid="ignore"):  # one pixel varies in neither
        balance: NDArray[np.float64] = np.sqrt(np.maximum(least, 0.0) / most)
    return balance
