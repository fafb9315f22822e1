"""The object of a prior that each superpixel belongs to."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.describe.numbering import Index


def owners(index: Index, n: int, objects: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return the object that most of each superpixel's certain pixels belong to.

    Parameters
    ----------
    index
        (H, W) superpixels 0..n-1, -1 outside.
    n
        How many superpixels.
    objects
        (H, W) objects from 1, 0 = uncertain.

    Returns
    -------
    (n,) int64; of equal shares the lower object, and 0 where all pixels are uncertain.
    """
    step = int(objects.max()) + 1
    # One entry per run of equal pixels instead of one per pixel.
    key = (index.astype(np.int64) * step + objects).ravel()
    starts = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    lengths = np.diff(starts, append=key.size)
    pairs, inverse = np.unique(key[starts], return_inverse=True)
    shares = np.bincount(inverse, weights=lengths)
    superpixel, owner = np.divmod(pairs, step)
    counted = (superpixel >= 0) & (owner > 0)
    superpixel, owner, shares = superpixel[counted], owner[counted], shares[counted]
    # The last of each superpixel in this order is the one that stays.
    order = np.lexsort((-owner, shares, superpixel))
    found = np.zeros(n, np.int64)
    found[superpixel[order]] = owner[order]
    return found
