"""Smooth matching factor: how much superpixels look alike (Giraud, Ta, Papadakis, 2017)."""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.evaluate.regions import Regions


def smooth_matching(components: Regions) -> float:
    """Return how well superpixels match their average shape.

    With M(offset) the share of all pixels that lie at an offset from their own superpixel's
    centre, SMF = 1 - (1/2N) Σ_k n_k·(1 - Σ M + Σ |1/n_k - M|), sums over the offsets of k. Each
    pixel's share of it comes to min(1, n_k·M), whose mean is computed here in integers.

    Parameters
    ----------
    components
        The superpixels.

    Returns
    -------
    SMF in (0, 1]; 1 when all have the same shape.
    """
    pixels = int(components.areas.sum())
    return _matched(components) / pixels / pixels


@kernel()
def _centers(components: Regions) -> NDArray[np.int64]:
    """Return per region the row and column of its barycentre, rounded down, (n, 2) int64."""
    width = components.width
    centers = np.empty((components.areas.size, 2), np.int64)
    for region in range(centers.shape[0]):
        x = y = 0
        for run in range(components.first[region], components.first[region + 1]):
            start = components.starts[run]
            length = components.stops[run] - start
            y += length * (start // width)
            x += length * (start % width) + length * (length - 1) // 2
        centers[region, 0] = y // components.areas[region]
        centers[region, 1] = x // components.areas[region]
    return centers


@kernel()
def _matched(components: Regions) -> int:
    """Return Σ over pixels of min(N, n_k · pixels at the same offset)."""
    starts, stops, width = components.starts, components.stops, components.width
    # A run's place in the table of offsets: row and column relative to the region's centre.
    dy, dx = np.empty_like(starts), np.empty_like(starts)
    centers = _centers(components)
    for region in range(components.areas.size):
        for run in range(components.first[region], components.first[region + 1]):
            row = starts[run] // width
            dy[run] = row - centers[region, 0]
            dx[run] = starts[run] - row * width - centers[region, 1]
    top, left = dy.min(), dx.min()
    rows, columns = dy.max() - top + 1, (dx + stops - starts).max() - left
    count = np.zeros(rows * columns, np.int32)
    place = (dy - top) * columns + dx - left
    for run in range(starts.size):
        for offset in range(place[run], place[run] + stops[run] - starts[run]):
            count[offset] += 1
    pixels = components.areas.sum()
    matched = 0
    for region in range(components.areas.size):
        area = components.areas[region]
        for run in range(components.first[region], components.first[region + 1]):
            for offset in range(place[run], place[run] + stops[run] - starts[run]):
                matched += min(pixels, area * count[offset])
    return matched
