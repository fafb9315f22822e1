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
    starts, stops, _, areas, width = components
    lengths, owners = stops - starts, components.owners
    rows, columns = starts // width, starts % width
    # A run's place in the table of offsets: row and column relative to the centre of its region,
    # the barycentre rounded down.
    dy = rows - (components.sums(lengths * rows) // areas)[owners]
    inner = lengths * (lengths - 1) // 2
    dx = columns - (components.sums(lengths * columns + inner) // areas)[owners]
    left = int(dx.min())
    stride = int((dx + lengths).max()) - left
    places = (dy - dy.min()) * stride + dx - left
    size = int(places.max() + stride) + 1
    # Runs begin and end: what is open at an offset is how many pixels lie there.
    opened = np.bincount(places, minlength=size) - np.bincount(places + lengths, minlength=size)
    pixels = int(areas.sum())
    return int(_match(places, lengths, areas[owners], opened.cumsum(), pixels)) / pixels / pixels


@kernel("int64[::1], int64[::1], int64[::1], int64[::1], int64")
def _match(
    places: NDArray[np.int64],
    lengths: NDArray[np.int64],
    areas: NDArray[np.int64],
    count: NDArray[np.int64],
    most: int,
) -> np.int64:
    """Return Σ over pixels of min(N, n_k · pixels at the same offset)."""
    matched = np.int64(0)
    for run in range(places.size):
        for offset in range(places[run], places[run] + lengths[run]):
            found = areas[run] * count[offset]
            matched += found if found < most else most
    return matched
