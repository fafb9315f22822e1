"""The order in which a flat set of objects merges: weakest mean boundary first."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.regions.adjacency import Borders, borders, bridged


def mean_boundary_tree(
    objects: NDArray[np.integer[Any]], strength: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Merge objects over their weakest common border until one is left.

    Parameters
    ----------
    objects
        (H, W) ids 1..n without gaps, n ≥ 1; 0 is uncertain. Objects that only uncertain pixels
        join are neighbours where the nearest-object partition says so.
    strength
        (H, W) boundary strength ≥ 0.

    Returns
    -------
    parents
        (2n − 1,) int32: node i < n is object i + 1, the others are merges in order; the root is
        its own parent.
    altitudes
        (2n − 1,) float32: the mean strength at which a merge happens; 0 for the objects.
    """
    return linkage(borders(bridged(objects), strength), int(objects.max()))


def linkage(edges: Borders, n: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Build the tree of average linkage, weighted by the borders' lengths.

    Parameters
    ----------
    edges
        Borders of the objects 1..n; they must connect all of them.
    n
        Number of objects.

    Returns
    -------
    As `mean_boundary_tree`'s.
    """
    if n == 1:
        return np.zeros(1, np.int32), np.zeros(1, np.float32)
    import higra  # imports matplotlib: not for priors that bring a tree of their own

    graph = higra.UndirectedGraph(n)
    graph.add_edges(edges.first - 1, edges.second - 1)
    tree, altitudes = higra.binary_partition_tree_average_linkage(
        graph, edges.strength, edges.length.astype(np.float64)
    )
    # Rounding may let an average fall by a unit in the last place.
    rising = np.maximum.accumulate(altitudes).astype(np.float32)
    return tree.parents().astype(np.int32), rising
