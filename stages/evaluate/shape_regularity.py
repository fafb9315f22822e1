"""Shape regularity criterion of superpixels (Giraud, Ta, Papadakis, 2017)."""

import math

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.evaluate.chain_code import chain_code_perimeter
from spam_pipe.stages.evaluate.convex_hull import hull_rows
from spam_pipe.stages.evaluate.regions import Regions

_GIRAUD_FACTOR = 0.925
"""Factor of convexity ratios in Giraud's published program."""


@kernel()
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
    total = total_giraud = 0.0
    for region in range(components.areas.size):
        area = components.areas[region]
        if area == 1:
            total += 1
            total_giraud += 1
            continue
        left, right, mask = _shape(components, region)
        weight = area * math.sqrt(_balance(components, region))
        perimeter = chain_code_perimeter(mask)

        hull_left, hull_right = hull_rows(left, right)
        outside = mask.copy()
        _fill(mask, hull_left, hull_right)
        hull_area = (hull_right - hull_left + 1).sum()
        total += weight * area * chain_code_perimeter(mask) / (perimeter * hull_area)

        height, width = left.size, mask.shape[1] - 2
        _fill(outside, np.zeros_like(left), hull_left - 1)
        _fill(outside, hull_right + 1, np.full_like(right, width - 1))
        outside_area = area + height * width - hull_area
        ratio = area * chain_code_perimeter(outside) / (perimeter * outside_area)
        total_giraud += weight * _GIRAUD_FACTOR * ratio
    pixels = components.areas.sum()
    return total / pixels, total_giraud / pixels


@kernel()
def _shape(
    components: Regions, region: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Return a region's first and last column in each row and its mask, framed, in its box."""
    starts, stops, image_width = components.starts, components.stops, components.width
    begin, end = components.first[region], components.first[region + 1]
    top = starts[begin] // image_width
    height = starts[end - 1] // image_width - top + 1
    left, right = np.full(height, image_width), np.full(height, -1)
    for run in range(begin, end):
        row = starts[run] // image_width
        offset = row * image_width
        left[row - top] = min(left[row - top], starts[run] - offset)
        right[row - top] = max(right[row - top], stops[run] - 1 - offset)
    first_column = left.min()
    left -= first_column
    right -= first_column
    mask = np.zeros((height + 2, right.max() + 3), np.uint8)
    for run in range(begin, end):
        row = starts[run] // image_width
        shift = row * image_width + first_column - 1
        mask[row - top + 1, starts[run] - shift : stops[run] - shift] = 1
    return left, right, mask


@kernel()
def _fill(mask: NDArray[np.uint8], left: NDArray[np.int64], right: NDArray[np.int64]) -> None:
    """Add the columns from `left` to `right` of each row to a framed mask."""
    for row in range(left.size):
        mask[row + 1, left[row] + 1 : right[row] + 2] = 1


@kernel()
def _balance(components: Regions, region: int) -> float:
    """Return the smaller by the larger standard deviation of a region's columns and rows."""
    begin, end = components.first[region], components.first[region + 1]
    width = components.width
    # About the first pixel, which keeps the sums small.
    row0, column0 = components.starts[begin] // width, components.starts[begin] % width
    x = y = xx = yy = 0
    for run in range(begin, end):
        row = components.starts[run] // width
        length = components.stops[run] - components.starts[run]
        dy = row - row0
        dx = components.starts[run] - row * width - column0
        y += length * dy
        yy += length * dy * dy
        inner = length * (length - 1) // 2
        x += length * dx + inner
        xx += length * dx * dx + 2 * dx * inner + inner * (2 * length - 1) // 3
    area = components.areas[region]
    variance_x = (xx - x / area * x) / area
    variance_y = (yy - y / area * y) / area
    return math.sqrt(max(min(variance_x, variance_y), 0.0) / max(variance_x, variance_y))
