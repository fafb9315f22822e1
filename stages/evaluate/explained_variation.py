"""Explained variation of an image's colours by superpixels (Moore et al., CVPR 2008)."""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.evaluate.regions import Regions


def total_variation(image: NDArray[np.uint8], valid: NDArray[np.bool_] | None = None) -> float:
    """Return the sum of squares of an image's colours about their mean.

    Parameters
    ----------
    image
        (H, W, 3) uint8.
    valid
        (H, W) bool, the pixels that count; None where all do.

    Returns
    -------
    The sum over pixels and channels; NaN for an image of one colour, whose variation is nothing
    to be explained.
    """
    colors = np.ascontiguousarray(image).reshape(-1, 3)
    if valid is not None:
        colors = colors[valid.ravel()]
    if (colors == colors[0]).all():
        return float("nan")
    pixels = np.array([len(colors)])
    whole = Regions(np.array([0]), pixels, np.array([0, 1]), pixels, len(colors))
    return float(_squares_about_mean(whole, colors)[0])


def explained_variation(
    regions: Regions, image: NDArray[np.uint8], total: float
) -> tuple[float, float]:
    """Return how much of an image's colour variation its superpixels' mean colours explain.

    Parameters
    ----------
    regions
        The superpixels.
    image
        (H, W, 3) uint8, RGB.
    total
        `total_variation` of the image's pixels that the superpixels cover.

    Returns
    -------
    The explained variation, 1 - Σ SS_k / SS, in [0, 1], and Giraud's variant, which divides each
    sum of squares by its number of pixels less one and weights it with the number of pixels (a
    one-pixel superpixel adds nothing). Both NaN for an image of one colour.
    """
    squares = _squares_about_mean(regions, np.ascontiguousarray(image).reshape(-1, 3))
    areas = regions.areas
    pixels = int(areas.sum())
    if pixels == 1:
        return float("nan"), float("nan")
    unbiased = (areas * squares / np.maximum(areas - 1, 1)).sum()
    return (
        1 - float(squares.sum()) / total,
        1 - float(unbiased) / (pixels * total / (pixels - 1)),
    )


def _squares_about_mean(regions: Regions, colors: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return per region Σ‖colour - mean colour‖², exact but for the last division."""
    areas = regions.areas
    sums = np.zeros((areas.size, 4), np.int64)
    # For an array that is read-only, as Pillow's are, numba would compile the kernel anew.
    writable = np.require(colors, requirements=("C", "W"))
    _sum_colors(regions.starts, regions.stops, regions.first, writable, sums)
    squares, rest = sums[:, 3], np.zeros(areas.size)
    for channel in sums[:, :3].T:
        # About the mean rounded down, so that equal colours give 0 and nothing overflows.
        mean = channel // areas
        squares = squares - mean * (2 * channel - areas * mean)
        beyond = channel - areas * mean
        rest = rest + beyond * beyond / areas
    return squares - rest


@kernel("int64[::1], int64[::1], int64[::1], uint8[:, ::1], int64[:, ::1]")
def _sum_colors(
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    first: NDArray[np.int64],
    colors: NDArray[np.uint8],
    sums: NDArray[np.int64],
) -> None:
    """Sum red, green, blue and all their squares, region by region."""
    for region in range(first.size - 1):
        for run in range(first[region], first[region + 1]):
            for pixel in range(starts[run], stops[run]):
                for channel in range(3):
                    value = np.int64(colors[pixel, channel])
                    sums[region, channel] += value
                    sums[region, 3] += value * value
