"""From a map of boundary strength to a fine partition and the order in which its regions merge.

The watershed hierarchy by volume (Cousty and Najman, "Incremental algorithm for hierarchical
minimum spanning forests and saliency of watershed cuts", ISMM 2011; computed as in Najman,
Cousty and Perret, "Playing with Kruskal", ISMM 2013): flood the strength from all its minima at
once; where two basins meet, the one that holds less water ends there, and the water it holds is
how much that meeting matters. Unlike an order by height alone it prefers large regions to
specks, and unlike one by area it prefers strong borders to weak ones.

Equal to `higra.watershed_hierarchy_by_volume`, but it keeps only the meetings that matter, in
integers: exact, and a tenth of the time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel

LEVELS = 65535
"""Strength 1 as an integer: fine enough that neighbouring pixels rarely tie."""


@dataclass(frozen=True, eq=False)
class Partition:
    """Regions of an image and a binary tree of their merges.

    Attributes
    ----------
    regions
        (H, W) unsigned, 1..n in the order of their first pixels; each is 4-connected.
    parents
        (2n − 1,) int32: node i < n is region i + 1, the others are merges in the order in which
        they happen; the root is its own parent. Higra's convention.
    altitudes
        (2n − 1,) float32: 0 for the regions, never falling from there on.
    """

    regions: NDArray[np.unsignedinteger[Any]]
    parents: NDArray[np.int32]
    altitudes: NDArray[np.float32]


def volume_hierarchy(strength: NDArray[np.floating[Any]], max_regions: int = 4096) -> Partition:
    """Partition an image where a boundary map is strong.

    Parameters
    ----------
    strength
        (H, W) boundary strength in [0, 1].
    max_regions
        Only the regions that merge last are kept, at most this many, each ≥ 1 pixel.

    Returns
    -------
    Partition
        Its altitudes are volumes: strength × pixels.

    Raises
    ------
    ValueError
        When the map is not two-dimensional, is empty, or leaves [0, 1] (NaN does).
    """
    if strength.ndim != 2 or strength.size == 0:
        raise ValueError(f"a strength map is height × width, not {strength.shape}")
    if not (strength.min() >= 0 and strength.max() <= 1):
        raise ValueError(
            f"boundary strength must lie in [0, 1], found {strength.min()}..{strength.max()}"
        )
    if max_regions < 1:
        raise ValueError(f"at least one region must be kept, not {max_regions}")
    height, width = strength.shape
    levels = np.rint(np.float32(LEVELS) * strength.astype(np.float32)).astype(np.int32).ravel()
    order = _ascending_edges(levels, height, width)
    edges, persistence = _flood(levels, order, height, width)
    meeting = np.flatnonzero(persistence)
    # Of meetings that matter equally the flood's later one is the later merge.
    ranked = meeting[np.argsort(persistence[meeting], kind="stable")]
    kept = ranked[max(0, len(ranked) - (max_regions - 1)) :]
    regions, parents = _merge_tree(edges, kept, height, width)
    altitudes = np.zeros(len(parents), np.float32)
    altitudes[len(kept) + 1 :] = persistence[kept] / (2 * LEVELS)
    return Partition(_smallest(regions, len(kept) + 1), parents, altitudes)


def _smallest(labels: NDArray[np.int32], n: int) -> NDArray[np.unsignedinteger[Any]]:
    return labels.astype(np.uint16 if n <= np.iinfo(np.uint16).max else np.uint32)


@kernel
def _ascending_edges(levels: NDArray[np.int32], height: int, width: int) -> NDArray[np.int64]:
    """Sort the 4-adjacency's edges by the sum of their ends' levels, stably (counting sort).

    Edge 2p leads from pixel p to its right neighbour, edge 2p + 1 to the one below.
    """
    n_pixels = height * width
    start = np.zeros(2 * LEVELS + 2, np.int64)
    for pixel in range(n_pixels):
        if pixel % width < width - 1:
            start[levels[pixel] + levels[pixel + 1] + 1] += 1
        if pixel + width < n_pixels:
            start[levels[pixel] + levels[pixel + width] + 1] += 1
    for level in range(2 * LEVELS + 1):
        start[level + 1] += start[level]
    order = np.empty(start[-1], np.int64)
    for pixel in range(n_pixels):
        if pixel % width < width - 1:
            level = levels[pixel] + levels[pixel + 1]
            order[start[level]] = 2 * pixel
            start[level] += 1
        if pixel + width < n_pixels:
            level = levels[pixel] + levels[pixel + width]
            order[start[level]] = 2 * pixel + 1
            start[level] += 1
    return order


@kernel
def _find(parent: NDArray[np.int32], node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@kernel
def _flood(
    levels: NDArray[np.int32], order: NDArray[np.int64], height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Merge pixels along the minimum spanning tree; say how much water ends at each edge of it.

    A component knows its size, its level, the water up to that level, and what it was worth when
    it last was a whole basin (`worth`): a merge at the very level of a component makes no new
    basin, it only widens the plateau.
    """
    n_pixels = height * width
    parent = np.arange(n_pixels).astype(np.int32)
    size = np.ones(n_pixels, np.int64)
    altitude = np.full(n_pixels, -1, np.int64)
    water = np.zeros(n_pixels, np.int64)
    worth = np.zeros(n_pixels, np.int64)
    edges = np.empty(n_pixels - 1, np.int64)
    persistence = np.empty(n_pixels - 1, np.int64)
    n_merges = 0
    for edge in order:
        pixel = edge >> 1
        other = pixel + 1 if edge & 1 == 0 else pixel + width
        a = _find(parent, pixel)
        b = _find(parent, other)
        if a == b:
            continue
        level = np.int64(levels[pixel]) + np.int64(levels[other])
        for side in (a, b):
            if size[side] > 1 and altitude[side] != level:
                water[side] += size[side] * (level - altitude[side])
                worth[side] = water[side]
        edges[n_merges] = edge
        persistence[n_merges] = min(worth[a], worth[b])
        n_merges += 1
        if size[a] < size[b]:
            a, b = b, a
        parent[b] = a
        size[a] += size[b]
        water[a] += water[b]
        worth[a] = max(worth[a], worth[b])
        altitude[a] = level
        if n_merges == n_pixels - 1:
            break
    return edges, persistence


@kernel
def _merge_tree(
    edges: NDArray[np.int64], kept: NDArray[np.int64], height: int, width: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Number the regions that the kept edges separate, and the merges along these, in order."""
    n_pixels = height * width
    separates = np.zeros(n_pixels, np.bool_)
    for index in kept:
        separates[index] = True
    root = np.arange(n_pixels).astype(np.int32)
    for index in range(n_pixels - 1):
        if not separates[index]:
            pixel = edges[index] >> 1
            other = pixel + 1 if edges[index] & 1 == 0 else pixel + width
            a = _find(root, pixel)
            b = _find(root, other)
            root[max(a, b)] = min(a, b)
    n = len(kept) + 1
    regions = np.zeros(n_pixels, np.int32)
    found = np.int32(0)
    for pixel in range(n_pixels):
        # The smallest pixel of a region is its root: it is numbered before the others ask.
        top = _find(root, pixel)
        if top == pixel:
            found += np.int32(1)
            regions[pixel] = found
        else:
            regions[pixel] = regions[top]
    parents = np.arange(2 * n - 1).astype(np.int32)
    component = np.arange(n).astype(np.int32)
    node_of = np.arange(n).astype(np.int32)
    for merge in range(n - 1):
        edge = edges[kept[merge]]
        pixel = edge >> 1
        other = pixel + 1 if edge & 1 == 0 else pixel + width
        a = _find(component, regions[pixel] - 1)
        b = _find(component, regions[other] - 1)
        parents[node_of[a]] = parents[node_of[b]] = n + merge
        component[b] = a
        node_of[a] = n + merge
    return regions.reshape(height, width), parents
