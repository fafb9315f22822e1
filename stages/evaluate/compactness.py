"""Compactness of superpixels (Schick et al., ICPR 2012)."""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.evaluate.regions import Regions


def compactness(regions: Regions) -> float:
    """Return the isoperimetric quotients of superpixels, weighted by area.

    The quotient of superpixel k is 4π·n_k / perimeter², its perimeter being the pixel sides that
    face another superpixel, a pixel without data or the outside of the image.

    Returns
    -------
    Compactness in (0, π/4]; squares reach π/4.
    """
    areas = regions.areas.astype(np.float64)
    quotients = 4 * np.pi * areas / perimeters(regions).astype(np.float64) ** 2
    return float((areas * quotients).sum() / areas.sum())


def perimeters(regions: Regions) -> NDArray[np.int64]:
    """Return per region the number of pixel sides that face anything else, (n,) int64."""
    inner = np.zeros(regions.areas.size, np.int64)
    _count_inner(regions.starts, regions.stops, regions.first, regions.width, inner)
    sides: NDArray[np.int64] = 2 * np.diff(regions.first) + 2 * (regions.areas - inner)
    return sides


@kernel("int64[::1], int64[::1], int64[::1], int64, int64[::1]")
def _count_inner(
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    first: NDArray[np.int64],
    width: int,
    inner: NDArray[np.int64],
) -> None:
    """Count the pixels of each region that lie below another of its own."""
    for region in range(first.size - 1):
        above = first[region]
        for run in range(first[region], first[region + 1]):
            low, high = starts[run] - width, stops[run] - width
            while stops[above] <= low:
                above += 1
            touching = above
            while starts[touching] < high:
                end = stops[touching] if stops[touching] < high else high
                begin = starts[touching] if starts[touching] > low else low
                inner[region] += end - begin
                touching += 1
