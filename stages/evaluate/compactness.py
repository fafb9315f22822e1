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


@kernel()
def perimeters(regions: Regions) -> NDArray[np.int64]:
    """Return per region the number of pixel sides that face anything else, (n,) int64."""
    starts, stops, width = regions.starts, regions.stops, regions.width
    sides = np.empty(regions.areas.size, np.int64)
    for region in range(sides.size):
        begin, end = regions.first[region], regions.first[region + 1]
        inner = 0
        above = begin
        for run in range(begin, end):
            low, high = starts[run] - width, stops[run] - width
            while stops[above] <= low:
                above += 1
            touching = above
            while starts[touching] < high:
                inner += min(stops[touching], high) - max(starts[touching], low)
                touching += 1
        sides[region] = 2 * (end - begin) + 2 * (regions.areas[region] - inner)
    return sides
