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
    if _one_color(colors):
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


@kernel()
def _one_color(colors: NDArray[np.uint8]) -> bool:
    for pixel in range(1, colors.shape[0]):
        for channel in range(3):
            if colors[pixel, channel] != colors[0, channel]:
                return False
    return True


@kernel()
def _squares_about_mean(regions: Regions, colors: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return per region Σ‖colour - mean colour‖², exact but for the last division."""
    squares = np.empty(regions.areas.size, np.float64)
    for region in range(squares.size):
        red = green = blue = square = 0
        for run in range(regions.first[region], regions.first[region + 1]):
            for pixel in range(regions.starts[run], regions.stops[run]):
                r, g, b = int(colors[pixel, 0]), int(colors[pixel, 1]), int(colors[pixel, 2])
                red += r
                green += g
                blue += b
                square += r * r + g * g + b * b
        area = regions.areas[region]
        rest = 0.0
        for channel in (red, green, blue):
            # About the mean rounded down, so that equal colours give 0 and nothing overflows.
            mean = channel // area
            square -= mean * (2 * channel - area * mean)
            beyond = channel - area * mean
            rest += beyond * beyond / area
        squares[region] = square - rest
    return squares
