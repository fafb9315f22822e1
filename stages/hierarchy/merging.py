"""Regions merge one pair at a time: the order that makes levels of a partition.

What a merge costs is Ward's (1963) increase of the squared error, of the features and of the
positions, times how spread out the merged region is, and more where a contour runs between.
Positions are weighed for the number of regions that are left, as the clustering weighs them for
the number that is asked for.
"""

from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.regions.adjacency import borders
from spam_pipe.stages.regions.connectivity import find_root, neighbour_lists
from spam_pipe.stages.regions.label_maps import Labels

SPREAD_POWER = 0.5
"""Power of the merged region's moment of inertia, beside that of a disc of its area, in the cost.

2 pi mu / A^2 is 1 for a disc, 1.05 for a square, 1.31 for two squares side by side."""

_AREA, _FACTOR, _ROW, _COLUMN, _INERTIA, _FEATURES = 0, 1, 2, 3, 4, 5
"""Columns of a region's sums: pixels, factors, rows, columns, their squares, then features."""


class Phase(NamedTuple):
    """A run of merges under the same rules.

    Attributes
    ----------
    n_regions
        How many regions are left after it.
    groups
        (n,) int32 group of each region: those of different groups don't merge.
    position_weight
        Factor of squared distances in pixels beside those of the features.
    contour_weight
        How much dearer a merge is over a certain contour than over none.
    """

    n_regions: int
    groups: NDArray[np.int32]
    position_weight: float
    contour_weight: float


class Regions(NamedTuple):
    """What merging knows of n regions.

    Attributes
    ----------
    sums
        (n, 5 + D) float64 over each region's pixels: of 1, of the factor (how much smaller
        regions are wanted there), of row, column, row^2 + column^2, and of D features.
    pairs
        (E, 2) int32 4-adjacent regions, the lower first.
    lengths
        (E,) int64 pixel sides that they have in common.
    strengths
        (E,) float64 mean contour along these sides, in 0..1.
    """

    sums: NDArray[np.float64]
    pairs: NDArray[np.int32]
    lengths: NDArray[np.int64]
    strengths: NDArray[np.float64]


def measure_regions(
    labels: Labels,
    n_regions: int,
    features: NDArray[np.float32],
    *,
    contour: NDArray[np.float32] | None = None,
    factors: NDArray[np.float64] | None = None,
) -> Regions:
    """Measure regions for their merging.

    Parameters
    ----------
    labels
        (H, W) int32 0..n_regions-1, each present; -1 outside.
    n_regions
        How many there are.
    features
        (H * W, D + 2) float32; the last two, positions, are not looked at.
    contour
        (H, W) contour probability in 0..1.
    factors
        (n_regions,) how much smaller than elsewhere regions are wanted.
    """
    found = borders(labels, np.zeros(labels.shape, np.float32) if contour is None else contour)
    each = np.ones(n_regions) if factors is None else factors
    return Regions(
        sums=_sum_regions(labels, n_regions, features, each),
        pairs=np.stack([found.first, found.second], axis=1).astype(np.int32),
        lengths=found.length,
        strengths=found.strength,
    )


def merge_in_order(regions: Regions, phases: list[Phase]) -> NDArray[np.int32]:
    """Merge adjacent pairs, the cheapest first, until one region is left.

    Where none touch any more, connected pieces join, those with the nearest centres first.

    Parameters
    ----------
    regions
        What merges.
    phases
        In order; the last one's groups should leave everything to merge. A phase ends where no
        pair of its groups is left, short of its number if need be: the next one goes on.

    Returns
    -------
    (n - 1, 2) int32: the regions that merge, by any region that is part of each, in order.
    """
    n = len(regions.sums)
    merges = _merge(
        regions.sums.copy(),
        *neighbour_lists(regions.pairs, n),
        np.stack([regions.lengths, regions.lengths * regions.strengths], axis=1),
        np.array([phase.n_regions for phase in phases], np.int64),
        np.stack([phase.groups for phase in phases]).astype(np.int32),
        np.array([(phase.position_weight, phase.contour_weight) for phase in phases]),
        SPREAD_POWER,
    )
    if len(merges) == n - 1:
        return merges
    return np.concatenate([merges, _join_apart(regions, merges)])


def _join_apart(regions: Regions, merges: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the merges of what touches nothing: pieces join, the nearest centres first."""
    n = len(regions.sums)
    graph = coo_array((np.ones(len(merges)), (merges[:, 0], merges[:, 1])), (n, n))
    n_pieces, piece = connected_components(graph, directed=False)
    sums = [
        np.bincount(piece, regions.sums[:, column], n_pieces) for column in (_AREA, _ROW, _COLUMN)
    ]
    centres = np.stack(sums[1:], axis=1) / sums[0][:, None]
    some = np.empty(2 * n_pieces - 1, np.int32)
    some[piece] = np.arange(n)
    pairs = np.empty((n_pieces - 1, 2), np.int32)
    for k, (a, b) in enumerate(linkage(centres, "single")[:, :2].astype(np.int64)):
        pairs[k] = some[a], some[b]
        some[n_pieces + k] = some[a]
    return pairs


@kernel()
def _sum_regions(
    labels: Labels,
    n_regions: int,
    features: NDArray[np.float32],
    factors: NDArray[np.float64],
) -> NDArray[np.float64]:
    height, width = labels.shape
    n_features = features.shape[1] - 2
    sums = np.zeros((n_regions, _FEATURES + n_features))
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label < 0:
                continue
            pixel, target = features[row * width + column], sums[label]
            target[_AREA] += 1
            target[_FACTOR] += factors[label]
            target[_ROW] += row
            target[_COLUMN] += column
            target[_INERTIA] += row * row + column * column
            for channel in range(n_features):
                target[_FEATURES + channel] += pixel[channel]
    return sums


@kernel()
def _cost(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    contour: float,
    position_weight: float,
    contour_weight: float,
    spread_power: float,
) -> float:
    """Return what it costs to merge two regions of such sums over such a mean contour."""
    area, other = a[_AREA], b[_AREA]
    total = area + other
    unlike = 0.0
    for column in range(_FEATURES, a.size):
        unlike += (a[column] / area - b[column] / other) ** 2
    apart = (a[_ROW] / area - b[_ROW] / other) ** 2 + (a[_COLUMN] / area - b[_COLUMN] / other) ** 2
    factor = (a[_FACTOR] + b[_FACTOR]) / total
    # Where regions are to be f times smaller, errors weigh so much more that equal costs are.
    unlike = factor * (unlike + factor * position_weight * apart)
    row, column_ = (a[_ROW] + b[_ROW]) / total, (a[_COLUMN] + b[_COLUMN]) / total
    variance = (a[_INERTIA] + b[_INERTIA]) / total - row * row - column_ * column_
    # A pixel is a square, not a point: it has a variance of its own.
    spread = 2 * np.pi * (variance + 1 / 6) / total
    cost: float = (
        area * other / total * unlike * spread**spread_power * (1 + contour_weight * contour)
    )
    return cost


@kernel()
def _merge(
    sums: NDArray[np.float64],
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    sources: NDArray[np.int32],
    sides: NDArray[np.float64],
    targets: NDArray[np.int64],
    groups: NDArray[np.int32],
    weights: NDArray[np.float64],
    spread_power: float,
) -> NDArray[np.int32]:
    n = len(sums)
    parents = np.arange(n).astype(np.int32)
    # The regions of a set form a list, so that its neighbours are found without merging lists.
    next_member = np.full(n, -1, np.int32)
    last_member = np.arange(n).astype(np.int32)
    shared = np.zeros((n, 2))
    touched = np.empty(n, np.int32)
    merges = np.empty((n - 1, 2), np.int32)
    n_merges = 0
    for phase in range(targets.size):
        if n - n_merges <= targets[phase]:
            continue
        group = groups[phase]
        position_weight, contour_weight = weights[phase]
        queue = [(0.0, 0.0, np.int32(0), np.int32(0)) for _ in range(0)]
        merged = np.int32(-1)
        region = np.int32(0)
        while True:
            # First every region with its neighbours, then each that a merge has made.
            if region < n:
                a = region
                region += np.int32(1)
                if parents[a] != a:
                    continue
            else:
                if region == n:
                    heapify(queue)
                    region += np.int32(1)
                if n - n_merges <= targets[phase] or len(queue) == 0:
                    break
                _, total, a, merged = heappop(queue)
                # Areas only grow: an entry is out of date if their sum is not what it was.
                if parents[a] != a or parents[merged] != merged:
                    continue
                if sums[a, _AREA] + sums[merged, _AREA] != total:
                    continue
                merges[n_merges, 0] = a
                merges[n_merges, 1] = merged
                n_merges += 1
                sums[a] += sums[merged]
                parents[merged] = a
                next_member[last_member[a]] = merged
                last_member[a] = last_member[merged]
            n_touched = 0
            member = a
            while member >= 0:
                for k in range(starts[member], starts[member + 1]):
                    other = np.int32(find_root(parents, neighbours[k]))
                    if other == a:
                        continue
                    if shared[other, 0] == 0:
                        touched[n_touched] = other
                        n_touched += 1
                    shared[other] += sides[sources[k]]
                member = next_member[member]
            for k in range(n_touched):
                other = touched[k]
                if group[a] == group[other] and (region > n or other > a):
                    first, second = min(a, other), max(a, other)
                    cost = _cost(
                        sums[first],
                        sums[second],
                        shared[other, 1] / shared[other, 0],
                        position_weight,
                        contour_weight,
                        spread_power,
                    )
                    entry = (cost, sums[a, _AREA] + sums[other, _AREA], first, second)
                    if region > n:
                        heappush(queue, entry)
                    else:
                        queue.append(entry)
                shared[other] = 0
    return merges[:n_merges]
