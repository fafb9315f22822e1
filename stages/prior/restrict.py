"""Objects of the pixels that hold data: the others are of none."""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel


def restrict(
    objects: NDArray[np.integer],
    parents: NDArray[np.int32],
    altitudes: NDArray[np.float32],
    valid: NDArray[np.bool_],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Take pixels without data out of the objects, and drop objects that lose all their pixels.

    Parameters
    ----------
    objects
        (H, W) ids 1..n, 0 = uncertain.
    parents, altitudes
        (2n − 1,): their merge tree (see `stages.prior.stage`).
    valid
        (H, W) bool, with one True at least.

    Returns
    -------
    objects
        (H, W) int32 ids 1..m in the order of the old ones; 0 is uncertain or without data. The
        valid pixels are one object where none is left.
    parents, altitudes
        (2m − 1,): the tree of the objects that are left.
    """
    n = (len(parents) + 1) // 2
    present = np.bincount(objects[valid], minlength=n + 1)[1:] > 0
    if not present.any():
        return valid.astype(np.int32), np.zeros(1, np.int32), np.zeros(1, np.float32)
    names = np.zeros(n + 1, np.int32)
    names[1:][present] = np.arange(1, np.count_nonzero(present) + 1)
    kept = np.where(valid, names[objects], np.int32(0))
    m = int(np.count_nonzero(present))
    pruned, heights = np.arange(2 * m - 1, dtype=np.int32), np.zeros(2 * m - 1, np.float32)
    # The new nodes of a node's two children; of the node itself, the only one left or their merge.
    children = np.full((len(parents), 2), -1, np.int32)
    _prune(parents, altitudes, present, m, children, pruned, heights)
    return kept, pruned, heights


@kernel("int32[::1], float32[::1], boolean[::1], int64, int32[:, ::1], int32[::1], float32[::1]")
def _prune(
    parents: NDArray[np.int32],
    altitudes: NDArray[np.float32],
    present: NDArray[np.bool_],
    n_leaves: int,
    children: NDArray[np.int32],
    pruned: NDArray[np.int32],
    heights: NDArray[np.float32],
) -> None:
    """Take leaves out of a binary tree; a merge of one child alone goes with them."""
    leaves, merges = 0, n_leaves
    for node in range(parents.size):
        own = children[node, 0]
        if node < present.size:
            if present[node]:
                own = leaves
                leaves += 1
        elif children[node, 1] >= 0:
            pruned[children[node, 0]] = merges
            pruned[children[node, 1]] = merges
            heights[merges] = altitudes[node]
            own = merges
            merges += 1
        parent = parents[node]
        if children[parent, 0] < 0:
            children[parent, 0] = own
        else:
            children[parent, 1] = own
