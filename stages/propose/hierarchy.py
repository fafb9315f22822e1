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
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel, record
from spam_pipe.stages.regions.connectivity import find_root

LEVELS = 65535
"""Strength 1 as an integer: fine enough that neighbouring pixels rarely tie."""


@dataclass(frozen=True, eq=False)
class Partition:
    """Regions of an image and a binary tree of their merges."""

    # (H, W) unsigned, 1..n in the order of their first pixels; each is 4-connected
    regions: NDArray[np.unsignedinteger[Any]]
    # (2n − 1,) int32: node i < n is region i + 1, the others are merges in the order in which they
    # happen; the root is its own parent. Higra's convention.
    parents: NDArray[np.int32]
    # (2n − 1,) float32: 0 for the regions, never falling from there on
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
    edges, persistence = _flooded(levels, order, height, width)
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


def _ascending_edges(levels: NDArray[np.int32], height: int, width: int) -> NDArray[np.int64]:
    """Sort the 4-adjacency's edges by the sum of their ends' levels, stably.

    Edge 2p leads from pixel p to its right neighbour, edge 2p + 1 to the one below.
    """
    start = np.zeros(2 * LEVELS + 2, np.int64)
    _count_edges(levels, width, start)
    np.cumsum(start, out=start)
    order = np.empty(start[-1], np.int64)
    _sort_edges(levels, width, start, order)
    return order


@kernel("int32[::1], int64, int64[::1]")
def _count_edges(levels: NDArray[np.int32], width: int, start: NDArray[np.int64]) -> None:
    for pixel in range(levels.size):
        if pixel % width < width - 1:
            start[levels[pixel] + levels[pixel + 1] + 1] += 1
        if pixel + width < levels.size:
            start[levels[pixel] + levels[pixel + width] + 1] += 1


@kernel("int32[::1], int64, int64[::1], int64[::1]")
def _sort_edges(
    levels: NDArray[np.int32], width: int, start: NDArray[np.int64], order: NDArray[np.int64]
) -> None:
    """Counting sort: `start` says where the edges of each sum go."""
    for pixel in range(levels.size):
        if pixel % width < width - 1:
            level = levels[pixel] + levels[pixel + 1]
            order[start[level]] = 2 * pixel
            start[level] += 1
        if pixel + width < levels.size:
            level = levels[pixel] + levels[pixel + width]
            order[start[level]] = 2 * pixel + 1
            start[level] += 1


def _flooded(
    levels: NDArray[np.int32], order: NDArray[np.int64], height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Merge pixels along the minimum spanning tree; return the edges and the volumes they end."""
    n_pixels = height * width
    edges = np.empty(n_pixels - 1, np.int64)
    persistence = np.empty(n_pixels - 1, np.int64)
    components = _Components(
        np.arange(n_pixels, dtype=np.int32),
        np.ones(n_pixels, np.int64),
        np.full(n_pixels, -1, np.int64),
        np.zeros(n_pixels, np.int64),
        np.zeros(n_pixels, np.int64),
    )
    _flood(levels, order, width, components, edges, persistence)
    return edges, persistence


class _Components(NamedTuple):
    """Pixels that are flooded together, by the number of their root; each array is (H * W,)."""

    parent: NDArray[np.int32]  # union-find forest
    size: NDArray[np.int64]
    altitude: NDArray[np.int64]  # its level
    water: NDArray[np.int64]  # up to that level
    worth: NDArray[np.int64]  # volume of its last whole basin


@kernel(
    (
        "int32[::1], int64[::1], int64",
        record(_Components, "int32[::1], int64[::1], int64[::1], int64[::1], int64[::1]"),
        "int64[::1], int64[::1]",
    )
)
def _flood(
    levels: NDArray[np.int32],
    order: NDArray[np.int64],
    width: int,
    components: _Components,
    edges: NDArray[np.int64],
    persistence: NDArray[np.int64],
) -> None:
    """Flood from all minima.

    A merge at the very level of a component makes no new basin, it only widens the plateau.
    """
    parent, size, altitude, water, worth = components
    n_merges = 0
    for index in range(order.size):
        edge = order[index]
        pixel = edge >> 1
        other = pixel + 1 if edge & 1 == 0 else pixel + width
        a = np.int64(find_root(parent, pixel))
        b = np.int64(find_root(parent, other))
        if a == b:
            continue
        level = np.int64(levels[pixel]) + np.int64(levels[other])
        for turn in range(2):
            side = b if turn else a
            if size[side] > 1 and altitude[side] != level:
                water[side] += size[side] * (level - altitude[side])
                worth[side] = water[side]
        edges[n_merges] = edge
        persistence[n_merges] = worth[a] if worth[a] < worth[b] else worth[b]
        n_merges += 1
        if size[a] < size[b]:
            a, b = b, a
        parent[b] = a
        size[a] += size[b]
        water[a] += water[b]
        if worth[a] < worth[b]:
            worth[a] = worth[b]
        altitude[a] = level
        if n_merges == edges.size:
            break


def _merge_tree(
    edges: NDArray[np.int64], kept: NDArray[np.int64], height: int, width: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Number the regions that the kept edges separate, and the merges along these, in order."""
    n_pixels, n = height * width, len(kept) + 1
    separates = np.zeros(n_pixels, np.bool_)
    separates[kept] = True
    regions = np.zeros(n_pixels, np.int32)
    _number(edges, separates, width, np.arange(n_pixels, dtype=np.int32), regions)
    parents = np.arange(2 * n - 1, dtype=np.int32)
    component, node_of = np.arange(n, dtype=np.int32), np.arange(n, dtype=np.int32)
    _merge(edges[kept], width, regions, component, node_of, parents)
    return regions.reshape(height, width), parents


@kernel("int64[::1], boolean[::1], int64, int32[::1], int32[::1]")
def _number(
    edges: NDArray[np.int64],
    separates: NDArray[np.bool_],
    width: int,
    root: NDArray[np.int32],
    regions: NDArray[np.int32],
) -> None:
    """Number, in raster order, the regions that are left where some edges separate."""
    for index in range(edges.size):
        if not separates[index]:
            pixel = edges[index] >> 1
            other = pixel + 1 if edges[index] & 1 == 0 else pixel + width
            a = find_root(root, pixel)
            b = find_root(root, other)
            if a < b:
                root[b] = a
            else:
                root[a] = b
    found = np.int32(0)
    for pixel in range(regions.size):
        # The smallest pixel of a region is its root: it is numbered before the others ask.
        top = find_root(root, pixel)
        if top == pixel:
            found += np.int32(1)
            regions[pixel] = found
        else:
            regions[pixel] = regions[top]


@kernel("int64[::1], int64, int32[::1], int32[::1], int32[::1], int32[::1]")
def _merge(
    edges: NDArray[np.int64],
    width: int,
    regions: NDArray[np.int32],
    component: NDArray[np.int32],
    node_of: NDArray[np.int32],
    parents: NDArray[np.int32],
) -> None:
    """Write the parents of the merges along some edges, in their order."""
    n = component.size
    for merge in range(edges.size):
        edge = edges[merge]
        pixel = edge >> 1
        other = pixel + 1 if edge & 1 == 0 else pixel + width
        a = find_root(component, regions[pixel] - 1)
        b = find_root(component, regions[other] - 1)
        parents[node_of[a]] = n + merge
        parents[node_of[b]] = n + merge
        component[b] = a
        node_of[a] = n + merge
