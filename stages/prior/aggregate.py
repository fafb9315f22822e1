"""Overlapping masks → disjoint objects, and pixels left uncertain (METHOD.md, section 5)."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from spam_pipe.stages.propose.run_lengths import RunLengths
from spam_pipe.stages.regions.connectivity import connected_components, count_labels


def aggregate(
    masks: RunLengths, minimum_area: float | None = None, opening: int = 5
) -> NDArray[np.int32]:
    """Make objects of mask proposals.

    Small masks are dropped. Each pixel goes to the smallest mask that covers it, of equally large
    ones to the later proposal. Each mask's remaining pixels, and the unpainted ones, are opened
    with a square and split into connected components. All pixels that the opening removed are
    opened and split once more.

    Parameters
    ----------
    masks
        Proposals in the order of the proposer.
    minimum_area
        A_min in pixels: masks and components must be larger; √N / 4 by default.
    opening
        Side of the square in pixels, odd.

    Returns
    -------
    (H, W) int32: objects 1..n, each 4-connected and of more than `minimum_area` pixels,
    numbered by their first pixels in reading order; 0 where it is uncertain.

    Raises
    ------
    ValueError
        When the opening's side is even.
    """
    height, width = masks.size
    if minimum_area is None:
        minimum_area = math.sqrt(height * width) / 4
    regions = masks.paint(painting_order(masks, minimum_area))
    opened = np.where(opened_pixels(regions, opening), regions + 1, 0)
    objects = _large_components(opened, minimum_area)
    uncertain = objects == 0
    if uncertain.any():
        missed = uncertain & opened_pixels(uncertain.astype(np.int32), opening)
        added = _large_components(missed.astype(np.int32), minimum_area)
        objects = np.where(added > 0, added + objects.max(), objects)
    return renumbered(objects)


def painting_order(masks: RunLengths, minimum_area: float = 0) -> NDArray[np.intp]:
    """Return the masks larger than that from the largest to the smallest, earlier ones first."""
    order = np.argsort(-masks.area.astype(np.int64), kind="stable")
    return order[masks.area[order] > minimum_area]


def opened_pixels(regions: NDArray[np.int32], side: int) -> NDArray[np.bool_]:
    """Open every region of a partition with a square, all at once.

    A pixel survives the erosion when all of its window is one region; pixels outside of the
    image count as inside. The dilation then needs no labels: two different regions' survivors
    are never in one window.

    Parameters
    ----------
    regions
        (H, W) labels.
    side
        Side of the square in pixels, odd.

    Returns
    -------
    (H, W) bool: the pixels that the opening of their region keeps.
    """
    if side % 2 == 0:
        raise ValueError(f"the opening's side must be odd, not {side}")
    low = minimum_filter(regions, side, mode="nearest")
    core = low == maximum_filter(regions, side, mode="nearest")
    kept: NDArray[np.bool_] = maximum_filter(core, side, mode="constant", cval=0)
    return kept


def renumbered(objects: NDArray[np.int32]) -> NDArray[np.int32]:
    """Number objects 1..n by their first pixels in reading order; 0 stays 0."""
    flat = objects.ravel()
    first = np.full(int(flat.max(initial=0)) + 1, flat.size)
    first[flat[::-1]] = np.arange(flat.size)[::-1]  # of several places the last written stays
    first[0] = -1
    numbers = np.empty(first.size, np.int32)
    numbers[np.argsort(first, kind="stable")] = np.arange(first.size, dtype=np.int32)
    return numbers[objects]


def _large_components(regions: NDArray[np.int32], minimum_area: float) -> NDArray[np.int32]:
    """Split labels ≠ 0 into 4-connected components; those not larger than that become 0."""
    components, n = connected_components(np.where(regions > 0, regions, np.int32(-1)))
    kept = np.arange(1, n + 2, dtype=np.int32)
    kept[:n][count_labels(components.ravel(), n) <= minimum_area] = 0
    kept[n] = 0  # component -1: no region
    large: NDArray[np.int32] = kept[components]
    return large
