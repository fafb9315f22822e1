"""Objects of masks, each divided by a fine partition; the masks' borders merge last.

Masks know what belongs together, contours know where else colours change. The pieces of an
object merge in the order of a watershed hierarchy by volume, as regions do in
`stages.propose.hierarchy`, but on the graph of the pieces: each is a basin with a flat bottom,
walled by the mean strength of its borders. Slivers along a mask's border hold little water and
go first. Only when every object is whole do objects merge, over their weakest mean border.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label
from skimage.segmentation import find_boundaries

from spam_pipe.stages.compiled import kernel, record
from spam_pipe.stages.regions.adjacency import borders, bridged
from spam_pipe.stages.regions.connectivity import find_root
from spam_pipe.stages.regions.merge_tree import mean_boundary_tree


@dataclass(frozen=True, eq=False)
class Divided:
    """Objects in pieces."""

    # (H, W) int32: pieces 1..n in the order of their first pixels, each 4-connected and of one
    # object; 0 is uncertain
    objects: NDArray[np.int32]
    # (2n − 1,) int32 and float32: the merge tree, as `mean_boundary_tree` gives it; every merge
    # inside an object comes before every merge across objects
    parents: NDArray[np.int32]
    altitudes: NDArray[np.float32]
    contour: NDArray[np.float32]  # (H, W) float32: the strength, and 1 along the objects' borders


def divide(
    objects: NDArray[np.integer[Any]],
    regions: NDArray[np.integer[Any]],
    strength: NDArray[np.float32],
) -> Divided:
    """Intersect objects with regions, and order the pieces' merges.

    Parameters
    ----------
    objects
        (H, W) ids ≥ 1, at least one; 0 is uncertain. Pieces that do not touch are objects of
        their own.
    regions
        (H, W) ids ≥ 1 of a partition.
    strength
        (H, W) boundary strength in [0, 1].
    """
    connected = label(objects, background=0, connectivity=1).astype(np.int32)
    joint = connected.astype(np.int64) * (int(regions.max()) + 1) + regions
    pieces = label(np.where(connected > 0, joint, 0), background=0, connectivity=1).astype(np.int32)
    owner = np.zeros(int(pieces.max()) + 1, np.int64)
    owner[pieces] = connected
    tree = mean_boundary_tree(connected, strength)
    parents, altitudes = _order(pieces, owner[1:], strength, *tree)
    contour = strength.copy()
    contour[find_boundaries(bridged(connected), mode="thick")] = 1
    return Divided(pieces, parents, altitudes, contour)


def _order(
    pieces: NDArray[np.int32],
    owner: NDArray[np.int64],
    strength: NDArray[np.float32],
    top_parents: NDArray[np.int32],
    top_altitudes: NDArray[np.float32],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Build the tree of all pieces, with the objects' own tree on top.

    `owner` (n,) is the object of each piece; `top_parents` and `top_altitudes` (2m − 1,) are the
    objects' tree.
    """
    n, m = len(owner), (len(top_parents) + 1) // 2
    edges = borders(bridged(pieces), strength)
    inside = owner[edges.first - 1] == owner[edges.second - 1]
    first, second = edges.first[inside] - 1, edges.second[inside] - 1
    level = edges.strength[inside]
    area = np.bincount(pieces.ravel(), minlength=n + 1)[1:].astype(np.float64)
    rising = np.argsort(level, kind="stable")
    joints = np.empty(n - m, np.int64)
    volume = np.empty(n - m, np.float64)
    ascending = _Edges(first[rising], second[rising], level[rising])
    _flood(ascending, np.arange(n), area, np.zeros((3, n)), joints, volume)
    ranked = np.argsort(volume, kind="stable")
    joints = rising[joints[ranked]]
    parents, node_of = np.arange(2 * n - 1, dtype=np.int32), np.empty(n, np.int64)
    _merge(first[joints], second[joints], np.arange(2 * n - m), parents, node_of)
    # Where the nodes of the objects' tree are in the whole one.
    place = np.arange(2 * m - 1) + 2 * (n - m)
    place[owner - 1] = node_of
    parents[place] = place[top_parents]
    last = volume.max(initial=0.0)
    altitudes = np.concatenate([np.zeros(n), volume[ranked], last + top_altitudes[m:]])
    return parents, altitudes.astype(np.float32)


class _Edges(NamedTuple):
    """Borders between pieces: their ends, and their strength."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    level: NDArray[np.float64]


@kernel(
    (
        record(_Edges, "int64[::1], int64[::1], float64[::1]"),
        "int64[::1], float64[::1], float64[:, ::1], int64[::1], float64[::1]",
    )
)
def _flood(
    edges: _Edges,
    root: NDArray[np.int64],
    size: NDArray[np.float64],
    basins: NDArray[np.float64],
    joints: NDArray[np.int64],
    volume: NDArray[np.float64],
) -> None:
    """Join basins over edges of rising level; store the joining edges and their volumes.

    A joint's volume is the water in the lesser of the two basins that meet, up to its level.
    `basins` is the level, the water and the worth of each, all zero.
    """
    first, second, level = edges
    n = 0
    for edge in range(level.size):
        a, b = find_root(root, first[edge]), find_root(root, second[edge])
        if a == b:
            continue
        for turn in range(2):
            basin = b if turn else a
            # A basin that filled no further since it was joined is not one of its own.
            if basins[0, basin] < level[edge]:
                basins[1, basin] += size[basin] * (level[edge] - basins[0, basin])
                basins[2, basin] = basins[1, basin]
        joints[n] = edge
        volume[n] = basins[2, a] if basins[2, a] < basins[2, b] else basins[2, b]
        n += 1
        root[b] = a
        size[a] += size[b]
        basins[1, a] += basins[1, b]
        if basins[2, a] < basins[2, b]:
            basins[2, a] = basins[2, b]
        basins[0, a] = level[edge]


@kernel("int64[::1], int64[::1], int64[::1], int32[::1], int64[::1]")
def _merge(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    root: NDArray[np.int64],
    parents: NDArray[np.int32],
    node_of: NDArray[np.int64],
) -> None:
    """Number the merges over these edges, in order; write parents and each leaf's last node."""
    n = node_of.size
    for merge in range(first.size):
        node = n + merge
        for turn in range(2):
            child = find_root(root, second[merge] if turn else first[merge])
            parents[child] = node
            root[child] = node
    for leaf in range(n):
        node_of[leaf] = find_root(root, leaf)
