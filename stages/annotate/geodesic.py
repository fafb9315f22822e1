"""Classes spread from marked regions to the others, along the least change of colour."""

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.describe.moments import means
from spam_pipe.stages.regions.connectivity import adjacent_pairs, neighbour_lists

STEP = 1.0
"""Cost of a step between regions of one colour, in CIELab units: about what an eye can see.

So in an area of one colour the nearest mark wins.
"""


@dataclass(frozen=True, eq=False)
class Graph:
    """Regions and what it costs to go from one to its neighbour."""

    starts: NDArray[np.int64]  # (n + 1,) int64 offsets into the following
    neighbours: NDArray[np.int32]  # (2E,) int32
    costs: NDArray[np.float64]  # (2E,) float64: the colours' distance and `STEP`

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return self.starts.size - 1


def region_graph(index: NDArray[np.int32], n_regions: int, lab: NDArray[Any]) -> Graph:
    """Return the graph of 4-adjacent regions.

    Parameters
    ----------
    index
        (H, W) int32 regions 0..n_regions-1, each present; -1 is in none.
    n_regions
        Their number.
    lab
        (H, W, 3) CIELab.
    """
    pairs, _ = adjacent_pairs(index, n_regions)
    area = np.bincount(index[index >= 0], minlength=n_regions)
    mean = means(index, area, lab)
    between = mean[pairs[:, 0]] - mean[pairs[:, 1]]
    costs = np.sqrt((between**2).sum(axis=1)) + STEP
    starts, neighbours, sources = neighbour_lists(pairs, n_regions)
    return Graph(starts, neighbours, costs[sources])


class Front:
    """Classes of all regions, by the nearest region that was marked.

    The distance of two regions is the least sum of costs between them (a geodesic; Bai and
    Sapiro, Geodesic matting, IJCV 2009, use it on pixels). Of several that are as near, the one
    that was marked first wins.

    Attributes
    ----------
    classes
        (n,) int64, 0 where no mark is in reach.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.classes = np.zeros(graph.n_regions, np.int64)
        self._distances = np.full(graph.n_regions, np.inf)

    def mark(self, regions: NDArray[np.int64], classes: NDArray[np.int64]) -> None:
        """Mark regions that were not marked before with their classes (both (m,))."""
        graph = self.graph
        _spread(
            graph.starts,
            graph.neighbours,
            graph.costs,
            self._distances,
            self.classes,
            regions,
            classes,
        )


def fill(graph: Graph, classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give each region of class 0 the class of the nearest one that has any.

    Parameters
    ----------
    graph
        Of n regions.
    classes
        (n,) int64.

    Returns
    -------
    (n,) int64; 0 only where no marked region is in reach.
    """
    front = Front(graph)
    marked = np.flatnonzero(classes)
    front.mark(marked, classes[marked])
    return front.classes


@kernel()
def _spread(
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    costs: NDArray[np.float64],
    distances: NDArray[np.float64],
    owners: NDArray[np.int64],
    regions: NDArray[np.int64],
    classes: NDArray[np.int64],
) -> None:
    """Hand over, in place, what lies nearer to the new marks than to those before (Dijkstra)."""
    for k in range(regions.size):
        distances[regions[k]] = 0.0
        owners[regions[k]] = classes[k]
        queue = [(0.0, regions[k])]
        while len(queue) > 0:
            distance, region = heappop(queue)
            if distance > distances[region]:
                continue
            for e in range(starts[region], starts[region + 1]):
                there = distance + costs[e]
                other = np.int64(neighbours[e])
                if there < distances[other]:
                    distances[other] = there
                    owners[other] = classes[k]
                    heappush(queue, (there, other))
