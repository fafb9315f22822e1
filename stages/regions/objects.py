"""The prior's objects as the clustering needs them: numbered without gaps, no more than K."""

import numpy as np
from numpy.typing import NDArray

Objects = NDArray[np.int32]


def compact_objects(objects: NDArray[np.integer]) -> tuple[Objects, NDArray[np.int64]]:
    """Renumber objects 1..n in the order of their ids, without gaps.

    Parameters
    ----------
    objects
        (H, W) integers, 0 = uncertain.

    Returns
    -------
    The (H, W) int32 objects, and the (n,) ids that they had.

    Raises
    ------
    ValueError
        When an id is negative.
    """
    if objects.size and objects.min() < 0:
        raise ValueError(f"objects are numbered from 1, 0 is uncertain; found {objects.min()}")
    areas = np.bincount(objects.ravel())
    ids = np.flatnonzero(areas[1:]) + 1
    renumbered = np.zeros(areas.size, np.int32)
    renumbered[ids] = np.arange(1, ids.size + 1)
    return renumbered[objects], ids


def largest_objects(
    objects: NDArray[np.integer], n_objects: int
) -> tuple[Objects, NDArray[np.int64]]:
    """Keep the largest objects and make the pixels of the others uncertain (the paper's rule).

    Parameters
    ----------
    objects
        (H, W) integers, 0 = uncertain.
    n_objects
        How many may stay; of equally large ones the lower ids do.

    Returns
    -------
    The (H, W) int32 objects, renumbered 1..n in the order of their ids, and the (n,) ids that
    they had.
    """
    areas = np.bincount(objects.ravel())
    areas[0] = 0
    dropped = np.argsort(-areas, kind="stable")[n_objects:]
    kept = np.arange(areas.size)
    kept[dropped] = 0
    return compact_objects(kept[objects])
