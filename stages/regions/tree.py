"""A binary tree over the regions of a partition: its levels, its nodes, its cuts.

Node i < n is region i of the finest level; node n + j is made by merge j. Merges are in order, so
that the level of k regions is what stands after the first n - k of them. Parents come after their
children; the root, node 2n - 2, is its own parent. Higra's convention.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel

Parents = NDArray[np.int32]


def check_tree(parents: NDArray[np.integer[Any]], altitudes: NDArray[np.floating[Any]]) -> None:
    """Raise a ValueError unless parents and altitudes are such a tree's."""
    size = len(parents)
    if parents.ndim != 1 or altitudes.shape != parents.shape or size % 2 == 0:
        raise ValueError(
            f"a tree of n regions has 2n - 1 parents and altitudes, not {parents.shape} and "
            f"{altitudes.shape}"
        )
    n = (size + 1) // 2
    nodes = np.arange(size)
    if parents[-1] != nodes[-1] or not (parents > nodes)[:-1].all() or parents.max() >= size:
        raise ValueError("parents of a tree come after their children, the root is its own")
    children = np.bincount(parents[:-1], minlength=size)
    if children[:n].any() or not (children[n:] == 2).all():
        raise ValueError("each merge of a tree is of two nodes, and its regions are leaves")
    if altitudes[:n].any() or not (np.diff(altitudes[n:]) >= 0).all() or altitudes[-1] < 0:
        raise ValueError("altitudes of a tree are 0 for its regions and never fall from there on")


def tree_of_merges(merges: NDArray[np.int32], n_regions: int) -> Parents:
    """Return the (2n - 1,) int32 parents of n - 1 merges.

    Parameters
    ----------
    merges
        (n - 1, 2) int32: the regions that merge, by any region that is part of each.
    n_regions
        n.
    """
    if len(merges) != n_regions - 1:
        raise ValueError(f"{len(merges)} merges don't make one region of {n_regions}")
    parents = np.arange(2 * n_regions - 1, dtype=np.int32)
    _link(np.ascontiguousarray(merges), n_regions, parents, parents.copy())
    return parents


@kernel("int32[:, ::1], int64, int32[::1], int32[::1]")
def _link(merges: NDArray[np.int32], n: int, parents: Parents, above: Parents) -> None:
    for merge in range(n - 1):
        node = np.int32(n + merge)
        for side in range(2):
            top = merges[merge, side]
            while above[top] != top:
                above[top] = above[above[top]]
                top = above[top]
            above[top] = node
            parents[top] = node


def level_of_regions(parents: Parents, n_regions: int) -> NDArray[np.int32]:
    """Return the label of each finest region in the level of so many regions.

    Parameters
    ----------
    parents
        (2n - 1,) int32.
    n_regions
        The level, k, in 1..n.

    Returns
    -------
    (n,) int32 in 0..k-1, numbered in the order of the smallest region of each.

    Raises
    ------
    ValueError
        When there is no such level.
    """
    n = (len(parents) + 1) // 2
    if not 1 <= n_regions <= n:
        raise ValueError(f"the levels are of 1 to {n} regions: there is none of {n_regions}")
    kept = np.zeros(len(parents), np.bool_)
    kept[: 2 * n - n_regions] = True
    return number_tops(parents, kept)


def number_tops(parents: Parents, kept: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Number the highest kept ancestors of the leaves, by the smallest leaf of each.

    Whatever is below a kept node is kept.
    """
    labels = np.empty((len(parents) + 1) // 2, np.int32)
    _number(_tops(parents, kept), np.full(len(parents), -1, np.int32), labels)
    return labels


def _tops(parents: Parents, kept: NDArray[np.bool_]) -> Parents:
    """Return the highest kept ancestor of each node."""
    top = np.empty(len(parents), np.int32)
    _climb(parents, kept, top)
    return top


@kernel("int32[::1], boolean[::1], int32[::1]")
def _climb(parents: Parents, kept: NDArray[np.bool_], top: Parents) -> None:
    for node in range(len(parents) - 1, -1, -1):
        parent = parents[node]
        top[node] = top[parent] if parent != node and kept[parent] else node


@kernel("int32[::1], int32[::1], int32[::1]")
def _number(top: Parents, numbers: NDArray[np.int32], labels: NDArray[np.int32]) -> None:
    """Number the tops of the leaves; `numbers`, all -1, is room to work in."""
    found = np.int32(0)
    for leaf in range(labels.size):
        if numbers[top[leaf]] < 0:
            numbers[top[leaf]] = found
            found += np.int32(1)
        labels[leaf] = numbers[top[leaf]]


def truncated(parents: Parents, n_regions: int) -> tuple[NDArray[np.int32], Parents]:
    """Make a level the finest of a tree of its own.

    Returns
    -------
    The (n,) int32 label of each region in that level, and the (2k - 1,) int32 parents of its tree.
    """
    n = (len(parents) + 1) // 2
    lookup = level_of_regions(parents, n_regions)
    # Where the nodes that stay go: the level's regions in their new order, then later merges.
    place = np.full(len(parents), -1, np.int32)
    first_kept = 2 * n - n_regions
    place[first_kept:] = np.arange(n_regions, 2 * n_regions - 1)
    place[_tops(parents, np.arange(len(parents)) < first_kept)[:n]] = lookup
    kept = np.flatnonzero(place >= 0)
    own = np.empty(2 * n_regions - 1, np.int32)
    own[place[kept]] = place[parents[kept]]
    return lookup, own


def sum_over_nodes(values: NDArray[Any], parents: Parents) -> NDArray[np.float64]:
    """Return the (2n - 1,) float64 sum in each node of (n,) values of the regions."""
    total = np.zeros(len(parents))
    total[: len(values)] = values
    _sum_up(total, parents)
    return total


@kernel("float64[::1], int32[::1]")
def _sum_up(values: NDArray[np.float64], parents: Parents) -> None:
    """Add each node's value to its parent's, leaves first."""
    for node in range(len(parents) - 1):
        values[parents[node]] += values[node]
