"""Objects that were found in one window, made to fit what earlier windows have settled."""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.hierarchy.objects import pieces_of
from spam_pipe.stages.regions.connectivity import connected_components, count_labels
from spam_pipe.stages.regions.objects import Objects, compact_objects


def without_specks(objects: Objects, free: NDArray[np.bool_], minimum_area: float) -> Objects:
    """Make the small pieces uncertain into which objects fall among the pixels still free.

    Two windows draw an object's border a pixel apart; what lies between is no object.

    Parameters
    ----------
    objects
        (H, W) int32, 0 = uncertain.
    free
        (H, W) bool: pixels that no earlier window has settled.
    minimum_area
        Pixels below which a piece is small.

    Returns
    -------
    (H, W) int32.
    """
    pieces, n = connected_components(np.where(free, objects, np.int32(-1)))
    # The last entry is for pixels that are not free: they stay.
    small = np.append(count_labels(pieces.ravel(), n) < minimum_area, False)
    return np.where(small[pieces], np.int32(0), objects)


def within_regions(
    objects: Objects, regions: Objects, free: NDArray[np.bool_], minimum_area: float
) -> Objects:
    """Divide regions of the whole image by a window's objects, but for small pieces.

    Both have seen the same border, at different resolutions: what lies between is no object.

    Parameters
    ----------
    objects
        (H, W) int32, 0 = uncertain.
    regions
        (H, W) int32 from 1; 0 outside.
    free
        (H, W) bool: pixels that no earlier window has settled.
    minimum_area
        Pixels below which a piece is small: it goes to the nearest one of its region.

    Returns
    -------
    (H, W) int32 from 1, with gaps in their numbers; 0 outside.
    """
    coarser = compact_objects(regions)[0] - np.int32(1)
    pieces = without_specks(pieces_of(objects, coarser), free, minimum_area)
    return pieces_of(np.where(pieces > 0, objects, np.int32(0)), coarser)


def recognised(objects: Objects, known: Objects) -> NDArray[np.int64]:
    """Find the objects that earlier windows have seen.

    Parameters
    ----------
    objects
        (H, W) int32 of this window, 0 = uncertain.
    known
        (H, W) int32 of earlier windows, 0 where there is none.

    Returns
    -------
    (n + 1,) int64: for each of this window's objects the known one with which it shares more
    pixels than either does with another; 0 where there is none.
    """
    match = np.zeros(int(objects.max()) + 1, np.int64)
    both = (objects > 0) & (known > 0)
    base = int(known.max()) + 1
    keys, shared = np.unique(
        objects[both].astype(np.int64) * base + known[both], return_counts=True
    )
    own, other = np.divmod(keys, base)
    best_of_own = np.zeros(match.size, np.int64)
    best_of_other = np.zeros(base, np.int64)
    np.maximum.at(best_of_own, own, shared)
    np.maximum.at(best_of_other, other, shared)
    mutual = (shared == best_of_own[own]) & (shared == best_of_other[other])
    # Of equals the lowest numbers match, each once.
    _, first = np.unique(own[mutual], return_index=True)
    own, other = own[mutual][first], other[mutual][first]
    _, first = np.unique(other, return_index=True)
    match[own[first]] = other[first]
    return match
