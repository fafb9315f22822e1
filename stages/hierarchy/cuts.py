"""Cuts through a tree: sets of nodes of which each finest region is below exactly one."""

from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.regions.tree import Parents, number_tops

Nodes = NDArray[np.int64]


def check_cut(parents: Parents, nodes: NDArray[Any]) -> Nodes:
    """Return a cut's nodes, sorted.

    Raises
    ------
    ValueError
        When they are no cut; it names a node or a region that is wrong.
    """
    size = len(parents)
    if nodes.ndim != 1 or nodes.dtype.kind not in "iu" or nodes.size == 0:
        raise ValueError("a cut is a list of nodes, whole numbers")
    if nodes.min() < 0 or nodes.max() >= size:
        wrong = nodes[(nodes < 0) | (nodes >= size)][0]
        raise ValueError(f"the nodes are 0 to {size - 1}: there is no {wrong}")
    covered = _covered(parents, nodes)[: (size + 1) // 2]
    if (covered != 1).any():
        region = int(np.flatnonzero(covered != 1)[0])
        raise ValueError(
            f"these nodes are no cut: finest superpixel {region} is below {covered[region]} of them"
        )
    return np.unique(nodes).astype(np.int64)


def labels_of_cut(parents: Parents, nodes: Nodes) -> NDArray[np.int32]:
    """Return the (n,) int32 label of each finest region, by the smallest region of each node."""
    return number_tops(parents, _covered(parents, nodes) > 0)


def least_cut(parents: Parents, energy: NDArray[np.float64]) -> Nodes:
    """Return the cut of least energy (Guigues, Cocquerez and Le Men, 2006).

    Parameters
    ----------
    parents
        (2n - 1,) int32.
    energy
        (2n - 1,) of each node; a cut's is the sum. Of equal cuts the coarser is taken.

    Raises
    ------
    ValueError
        When there are not as many energies as nodes, or one is not finite.
    """
    if energy.shape != parents.shape or not np.isfinite(energy).all():
        raise ValueError(
            f"an energy is a finite number for each of the {len(parents)} nodes, not an array of "
            f"shape {energy.shape}"
        )
    size = len(parents)
    chosen = np.ones(size, np.bool_)
    least = energy.astype(np.float64)
    _choose(parents, energy.astype(np.float64), np.zeros(size), least, chosen)
    return np.flatnonzero(chosen)


def densest_cut(
    parents: Parents, altitudes: NDArray[np.float64], weights: NDArray[np.float64], n_regions: int
) -> Nodes:
    """Return a cut of so many nodes that are smaller where weights are high.

    A node's altitude, the edge of its regions' likes, counts times the square root of its weight:
    twice the weight, regions of half the area. What is above counts for no less than what is below.

    Parameters
    ----------
    parents, altitudes
        (2n - 1,) of the tree.
    weights
        (2n - 1,) positive, of each node.
    n_regions
        How many, in 1..n.

    Raises
    ------
    ValueError
        When there are not so many.
    """
    n = (len(parents) + 1) // 2
    if not 1 <= n_regions <= n:
        raise ValueError(f"a cut has 1 to {n} regions: there is none of {n_regions}")
    order = _highest_first(parents, altitudes * np.sqrt(weights), n_regions - 1)
    split = np.zeros(len(parents), np.bool_)
    split[order] = True
    return _below_split(parents, split)


def shared_cut(
    parents: Parents, owners: NDArray[np.integer[Any]], counts: Mapping[int, int]
) -> Nodes:
    """Return the coarsest cut that gives objects so many regions.

    Parameters
    ----------
    parents
        (2n - 1,) int32.
    owners
        (n,) object of each finest region.
    counts
        How many regions each object that it names is to have.

    Raises
    ------
    ValueError
        When an object has no region, or cannot have so many or so few.
    """
    n = (len(parents) + 1) // 2
    named = {int(name): int(count) for name, count in counts.items()}
    # Objects that are not named are one: they need not be told apart from one another.
    own = np.full(len(parents), -1, np.int64)
    ranks = {name: rank for rank, name in enumerate(named, 1)}
    own[:n] = [ranks.get(int(owner), 0) for owner in owners]
    own = _common(parents, own)
    split = own < 0
    children = np.full((len(parents), 2), -1, np.int64)
    order = np.argsort(parents[:-1], kind="stable")
    children[n:] = order.reshape(-1, 2)
    tops = _below_split(parents, split)
    for name, wanted in named.items():
        rank = ranks[name]
        pieces = tops[own[tops] == rank]
        most = int(np.count_nonzero(own[:n] == rank))
        if most == 0:
            raise ValueError(f"no finest superpixel is of object {name}")
        if not pieces.size <= wanted <= most:
            raise ValueError(
                f"object {name} has {pieces.size} to {most} superpixels in this hierarchy, not "
                f"{wanted}"
            )
        # The nodes that merged last are split first: they are the largest of the object's levels.
        heap = [-int(node) for node in pieces]
        heap.sort()
        for _ in range(wanted - pieces.size):
            node = -heappop(heap)
            split[node] = True
            for child in children[node]:
                heappush(heap, -int(child))
    return _below_split(parents, split)


def _covered(parents: Parents, nodes: NDArray[Any]) -> NDArray[np.int64]:
    """Count the chosen nodes on the way from each node, itself included, to the root."""
    covered = np.bincount(nodes.astype(np.int64), minlength=len(parents))
    _count_above(parents, covered)
    return covered


@kernel("int32[::1], int64[::1]")
def _count_above(parents: Parents, covered: NDArray[np.int64]) -> None:
    for node in range(len(parents) - 2, -1, -1):
        covered[node] += covered[parents[node]]


@kernel("int32[::1], float64[::1], float64[::1], float64[::1], boolean[::1]")
def _choose(
    parents: Parents,
    energy: NDArray[np.float64],
    below: NDArray[np.float64],
    least: NDArray[np.float64],
    chosen: NDArray[np.bool_],
) -> None:
    """Leave chosen, of all nodes, the highest at which a cut costs least.

    `below` is all zero, `least` a copy of the energies; both are room to work in.
    """
    size = len(parents)
    n = (size + 1) // 2
    for node in range(size):
        if node >= n and below[node] < energy[node]:
            least[node] = below[node]
            chosen[node] = False
        if parents[node] != node:
            below[parents[node]] += least[node]
    # From here on `below` says whether a node or one above it is chosen.
    below[size - 1] = chosen[size - 1]
    for node in range(size - 2, -1, -1):
        taken = below[parents[node]] > 0
        chosen[node] = chosen[node] and not taken
        below[node] = taken or chosen[node]


def _highest_first(
    parents: Parents, heights: NDArray[np.float64], n_splits: int
) -> NDArray[np.int64]:
    """List the merges with the largest heights, each raised to the highest of those below it."""
    raised = heights.copy()
    _raise(parents, raised)
    n = (len(parents) + 1) // 2
    # Sorted by height, then by number: a parent never comes after its child.
    return np.argsort(raised[n:], kind="stable")[::-1][:n_splits] + n


@kernel("int32[::1], float64[::1]")
def _raise(parents: Parents, heights: NDArray[np.float64]) -> None:
    for node in range(len(parents) - 1):
        if heights[node] > heights[parents[node]]:
            heights[parents[node]] = heights[node]


def _common(parents: Parents, own: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the owner that all leaves of a node have, -2 where they differ."""
    common = own.copy()
    _agree(parents, common)
    return common


@kernel("int32[::1], int64[::1]")
def _agree(parents: Parents, common: NDArray[np.int64]) -> None:
    for node in range(len(parents) - 1):
        above = parents[node]
        if common[above] == -1:
            common[above] = common[node]
        elif common[above] != common[node]:
            common[above] = -2


def _below_split(parents: Parents, split: NDArray[np.bool_]) -> Nodes:
    """Return the nodes that are not split and whose parents all are."""
    size = len(parents)
    root = size - 1
    if not split[root]:
        return np.array([root], np.int64)
    above = split[parents]
    above[root] = True
    return np.flatnonzero(~split & above).astype(np.int64)
