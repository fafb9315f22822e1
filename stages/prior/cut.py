"""As many objects as a number of superpixels can afford: a cut through their merge tree."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.base import Arrays
from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.prior.config import CutConfig
from spam_pipe.stages.regions.adjacency import borders, bridged
from spam_pipe.stages.regions.merge_tree import linkage
from spam_pipe.stages.regions.objects import largest_objects

REACH = 4
"""How far an uncertain pixel looks for objects: strips that a 5 × 5 opening removes are thinner."""


def cut_objects(
    objects: NDArray[np.unsignedinteger[Any]],
    parents: NDArray[np.int32],
    altitudes: NDArray[np.float32],
    contour: NDArray[np.float32] | None,
    n_superpixels: int,
    rho: float,
    tau: float,
) -> tuple[NDArray[np.unsignedinteger[Any]], NDArray[np.int32]]:
    """Choose the objects for a number of superpixels (METHOD.md, section 5: K-adaptive cut).

    The tree's last merges are undone until there are ⌊ρ·K⌋ objects (at least one, at most all).
    Then neighbours whose common border is weak are merged, weakest first. Uncertain pixels that
    lie only between objects that became one join it.

    Parameters
    ----------
    objects
        (H, W) ids 1..n, each present; 0 is uncertain.
    parents, altitudes
        (2n − 1,): the merge tree, with merges in their order (see `stages.prior.stage`).
    contour
        (H, W) float32 in [0, 1]: how likely a border is; without it no border is weak.
    n_superpixels
        K ≥ 1.
    rho
        Objects per superpixel.
    tau
        A border whose mean contour is below this is weak.

    Returns
    -------
    objects
        (H, W), the ids' dtype: ids 1..m in the order of the smallest old id; 0 is uncertain.
    mapping
        (n + 1,) int32: the new id of each old one; 0 stays 0.

    Raises
    ------
    ValueError
        When the tree does not belong to the objects.
    """
    n = (len(parents) + 1) // 2
    if len(parents) != 2 * n - 1 or len(altitudes) != len(parents) or objects.max() > n:
        raise ValueError(
            f"a merge tree of {len(parents)} nodes does not belong to {objects.max()} objects"
        )
    n_kept = min(n, max(1, int(rho * n_superpixels + 1e-9)))
    mapping = groups_below(parents, 2 * n - n_kept)
    if contour is not None and tau > 0 and n_kept > 1:
        mapping = _merge_weak(mapping[objects], contour, tau)[mapping]
    cut = mapping[objects]
    if not objects.all():
        cut = _join_between(objects, cut, mapping)
    return cut.astype(objects.dtype), mapping


def _merge_weak(
    objects: NDArray[np.int32], contour: NDArray[np.float32], tau: float
) -> NDArray[np.int32]:
    """Merge neighbours while the weakest mean contour is below tau; return old id → new id."""
    n = int(objects.max())
    parents, altitudes = linkage(borders(bridged(objects), contour), n)
    n_weak = int(np.searchsorted(altitudes[n:], tau))
    return groups_below(parents, n + n_weak)


def groups_below(parents: NDArray[np.int32], limit: int) -> NDArray[np.int32]:
    """Undo all merges from node `limit` on; return the group of each leaf, with a 0 in front.

    Groups are numbered from 1 in the order of the smallest leaf of each.
    """
    top = _tops(parents, limit)
    _, first, group = np.unique(
        top[: (len(parents) + 1) // 2], return_index=True, return_inverse=True
    )
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(1, len(first) + 1)
    return np.concatenate([np.zeros(1, np.int32), rank[group]])


def _tops(parents: NDArray[np.int32], limit: int) -> NDArray[np.int32]:
    """Return the highest ancestor below `limit` of each node."""
    nodes = np.arange(len(parents), dtype=np.int32)
    top = np.where(parents < limit, parents, nodes)
    while True:
        higher = top[top]  # twice as far each time
        if np.array_equal(higher, top):
            return top
        top = higher


def _join_between(
    objects: NDArray[np.unsignedinteger[Any]], cut: NDArray[np.int32], mapping: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Give uncertain pixels to the one object around them, if the cut made it of several."""
    merged = np.bincount(mapping) > 1
    merged[0] = False
    if not merged.any():
        return cut
    pixels = np.flatnonzero(objects.ravel() == 0)
    only = _only_neighbour(cut, pixels)
    joined = cut.ravel().copy()
    joined[pixels] = np.where(merged[only], only, 0)
    return joined.reshape(cut.shape)


def _only_neighbour(cut: NDArray[np.int32], pixels: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the only object that each uncertain pixel reaches within `REACH` steps, else 0.

    Steps lead through uncertain pixels, to the 4-neighbours.
    """
    place = np.full(cut.shape, -1, np.int32)
    place.ravel()[pixels] = np.arange(pixels.size, dtype=np.int32)
    low = np.full(pixels.size, np.iinfo(np.int32).max, np.int32)
    high = np.zeros(pixels.size, np.int32)
    for _ in range(REACH):
        next_low, next_high = low.copy(), high.copy()
        _step(np.ascontiguousarray(cut), pixels, place, low, high, next_low, next_high)
        low, high = next_low, next_high
    return np.where(low == high, high, np.int32(0))


@kernel("int32[:, ::1], int64[::1], int32[:, ::1], int32[::1], int32[::1], int32[::1], int32[::1]")
def _step(
    cut: NDArray[np.int32],
    pixels: NDArray[np.int64],
    place: NDArray[np.int32],
    low: NDArray[np.int32],
    high: NDArray[np.int32],
    next_low: NDArray[np.int32],
    next_high: NDArray[np.int32],
) -> None:
    """Bring the lowest and the highest object that each pixel knows of one step farther."""
    height, width = cut.shape
    for index in range(pixels.size):
        row, column = pixels[index] // width, pixels[index] % width
        for step in range(4):
            r = row + (step == 0) - (step == 1)
            c = column + (step == 2) - (step == 3)
            if r < 0 or r == height or c < 0 or c == width:
                continue
            other = place[r, c]
            lowest = cut[r, c] if other < 0 else low[other]
            highest = cut[r, c] if other < 0 else high[other]
            if lowest < next_low[index]:
                next_low[index] = lowest
            if highest > next_high[index]:
                next_high[index] = highest


def contour_of(prior: Arrays) -> NDArray[np.float32] | None:
    """Return a prior's (H, W) contour probability in 0..1, where it has one."""
    if "contour" not in prior:
        return None
    return np.asarray(prior["contour"], np.float32) / np.float32(255)


def objects_for(
    prior: Arrays, contour: NDArray[np.float32] | None, count: int, config: CutConfig
) -> NDArray[np.integer] | None:
    """Return a prior's (H, W) objects at a given count: its tree cut, or the largest kept."""
    objects = prior.get("objects")
    if objects is None or not objects.any():
        return None
    if config.prior_mode == "paper" or "parents" not in prior:
        return largest_objects(objects, count)[0]
    cut, _ = cut_objects(
        objects, prior["parents"], prior["altitudes"], contour, count, config.rho, config.tau
    )
    return cut
