"""Regions merge one pair at a time: the order that makes levels of a partition.

What a merge costs is Ward's (1963) increase of the squared error, of the features and of the
positions, times how ragged the merged region is, and more where a contour runs between. Positions
are weighed for the number of regions that are left, as the clustering weighs them for the number
that is asked for.
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
from spam_pipe.stages.regions.connectivity import (
    count_labels,
    find_root,
    neighbour_lists,
)
from spam_pipe.stages.regions.label_maps import Labels

POSITION_WEIGHT = 1.2
"""How much more positions count in merges than in the clustering: it keeps regions round."""

RAGGEDNESS = 1.0
"""Power of the merged region's perimeter, beside that of a square of its area, in the cost."""


CONTOUR_WEIGHT = 1.0
"""How much dearer a merge is over a certain contour than over none."""


class Phase(NamedTuple):
    """A run of merges under the same rules.

    Attributes
    ----------
    n_regions
        How many regions are left after it.
    groups
        (n,) int32 group of each region: those of different groups don't merge.
    scale
        Factor that turns pixels into position features.
    """

    n_regions: int
    groups: NDArray[np.int32]
    scale: float


class Regions(NamedTuple):
    """What merging knows of n regions.

    Attributes
    ----------
    areas
        (n,) float64 pixels.
    perimeters
        (n,) float64 pixel sides along other regions, the image's frame and what is outside.
    features
        (n, D) float64 mean features, positions left out.
    positions
        (n, 2) float64 mean row and column.
    pairs
        (E, 2) int32 4-adjacent regions, the lower first.
    lengths
        (E,) int64 pixel sides that they have in common.
    strengths
        (E,) float64 mean contour along these sides, in 0..1.
    factors
        (n,) float64 how much smaller regions are wanted there; 1 where nothing is said.
    """

    areas: NDArray[np.float64]
    perimeters: NDArray[np.float64]
    features: NDArray[np.float64]
    positions: NDArray[np.float64]
    pairs: NDArray[np.int32]
    lengths: NDArray[np.int64]
    strengths: NDArray[np.float64]
    factors: NDArray[np.float64]


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
    sums, places = _sums(labels, n_regions, features)
    areas = count_labels(labels.ravel(), n_regions).astype(np.float64)
    inner = 2.0 * _inner_sides(labels, n_regions)
    return Regions(
        areas=areas,
        perimeters=4 * areas - inner,
        features=sums / areas[:, None],
        positions=places / areas[:, None],
        pairs=np.stack([found.first, found.second], axis=1).astype(np.int32),
        lengths=found.length,
        strengths=found.strength,
        factors=np.ones(n_regions) if factors is None else factors,
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
    n = regions.areas.size
    merges = _merge(
        regions.areas.copy(),
        regions.perimeters.copy(),
        regions.features.copy(),
        regions.positions.copy(),
        *neighbour_lists(regions.pairs, n),
        regions.lengths,
        regions.lengths * regions.strengths,
        regions.factors.copy(),
        np.array([phase.n_regions for phase in phases], np.int64),
        np.stack([phase.groups for phase in phases]).astype(np.int32),
        np.array([phase.scale**2 for phase in phases]),
        POSITION_WEIGHT,
        RAGGEDNESS,
        CONTOUR_WEIGHT,
    )
    if len(merges) == n - 1:
        return merges
    return np.concatenate([merges, _join_apart(regions, merges)])


def _join_apart(regions: Regions, merges: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the merges of what touches nothing: pieces join, the nearest centres first."""
    n = regions.areas.size
    graph = coo_array((np.ones(len(merges)), (merges[:, 0], merges[:, 1])), (n, n))
    n_pieces, piece = connected_components(graph, directed=False)
    mass = np.bincount(piece, regions.areas, n_pieces)
    sums = [np.bincount(piece, regions.areas * axis, n_pieces) for axis in regions.positions.T]
    joined = linkage(np.stack(sums, axis=1) / mass[:, None], "single")
    some = np.empty(2 * n_pieces - 1, np.int32)
    some[piece] = np.arange(n)
    pairs = np.empty((n_pieces - 1, 2), np.int32)
    for k, (a, b) in enumerate(joined[:, :2].astype(np.int64)):
        pairs[k] = some[a], some[b]
        some[n_pieces + k] = some[a]
    return pairs


@kernel
def _sums(
    labels: Labels, n_regions: int, features: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    height, width = labels.shape
    n_features = features.shape[1] - 2
    sums = np.zeros((n_regions, n_features))
    places = np.zeros((n_regions, 2))
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label < 0:
                continue
            pixel = features[row * width + column]
            for channel in range(n_features):
                sums[label, channel] += pixel[channel]
            places[label, 0] += row
            places[label, 1] += column
    return sums, places


@kernel
def _inner_sides(labels: Labels, n_regions: int) -> NDArray[np.float64]:
    """Count the pixel sides between two pixels of one region."""
    height, width = labels.shape
    sides = np.zeros(n_regions)
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label < 0:
                continue
            if column + 1 < width and labels[row, column + 1] == label:
                sides[label] += 1
            if row + 1 < height and labels[row + 1, column] == label:
                sides[label] += 1
    return sides


@kernel
def _cost(
    areas: NDArray[np.float64],
    perimeters: NDArray[np.float64],
    features: NDArray[np.float64],
    positions: NDArray[np.float64],
    factors: NDArray[np.float64],
    length: float,
    walls: float,
    a: int,
    b: int,
    scale: float,
    position_weight: float,
    raggedness: float,
    contour_weight: float,
) -> float:
    unlike = 0.0
    for channel in range(features.shape[1]):
        unlike += (features[a, channel] - features[b, channel]) ** 2
    apart = (positions[a, 0] - positions[b, 0]) ** 2 + (positions[a, 1] - positions[b, 1]) ** 2
    total = areas[a] + areas[b]
    factor = (areas[a] * factors[a] + areas[b] * factors[b]) / total
    # Where regions are to be f times smaller, errors weigh so much more that equal costs are.
    unlike = factor * (unlike + factor * position_weight * scale * apart)
    perimeter = perimeters[a] + perimeters[b] - 2 * length
    ragged = (perimeter / (4 * np.sqrt(total))) ** raggedness
    wall = 1 + contour_weight * walls / length
    cost: float = areas[a] * areas[b] / total * unlike * ragged * wall
    return cost


@kernel
def _merge(
    areas: NDArray[np.float64],
    perimeters: NDArray[np.float64],
    features: NDArray[np.float64],
    positions: NDArray[np.float64],
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    sources: NDArray[np.int32],
    lengths: NDArray[np.int64],
    walls: NDArray[np.float64],
    factors: NDArray[np.float64],
    targets: NDArray[np.int64],
    groups: NDArray[np.int32],
    scales: NDArray[np.float64],
    position_weight: float,
    raggedness: float,
    contour_weight: float,
) -> NDArray[np.int32]:
    n = areas.size
    parents = np.arange(n).astype(np.int32)
    # The regions of a set form a list, so that its neighbours are found without merging lists.
    next_member = np.full(n, -1, np.int32)
    last_member = np.arange(n).astype(np.int32)
    shared = np.zeros(n)
    walled = np.zeros(n)
    touched = np.empty(n, np.int32)
    merges = np.empty((n - 1, 2), np.int32)
    n_merges = 0
    for phase in range(targets.size):
        if n - n_merges <= targets[phase]:
            continue
        group = groups[phase]
        scale = scales[phase]
        queue = [(0.0, 0.0, np.int32(0), np.int32(0)) for _ in range(0)]
        for region in range(n):
            a = np.int32(region)
            if parents[a] != a:
                continue
            n_touched = _touch(
                a,
                parents,
                next_member,
                starts,
                neighbours,
                sources,
                lengths,
                walls,
                shared,
                walled,
                touched,
            )
            for k in range(n_touched):
                b = touched[k]
                if b > a and group[a] == group[b]:
                    cost = _cost(
                        areas,
                        perimeters,
                        features,
                        positions,
                        factors,
                        shared[b],
                        walled[b],
                        a,
                        b,
                        scale,
                        position_weight,
                        raggedness,
                        contour_weight,
                    )
                    queue.append((cost, areas[a] + areas[b], a, b))
                shared[b] = walled[b] = 0
        heapify(queue)
        while n - n_merges > targets[phase] and len(queue) > 0:
            _, total, a, b = heappop(queue)
            # Areas only grow: an entry is out of date if their sum is no longer what it was.
            if parents[a] != a or parents[b] != b or areas[a] + areas[b] != total:
                continue
            merges[n_merges, 0] = a
            merges[n_merges, 1] = b
            n_merges += 1
            n_touched = _touch(
                a,
                parents,
                next_member,
                starts,
                neighbours,
                sources,
                lengths,
                walls,
                shared,
                walled,
                touched,
            )
            for k in range(n_touched):
                if touched[k] == b:
                    perimeters[a] += perimeters[b] - 2 * shared[b]
                shared[touched[k]] = walled[touched[k]] = 0
            for channel in range(features.shape[1]):
                features[a, channel] = (
                    areas[a] * features[a, channel] + areas[b] * features[b, channel]
                ) / total
            for axis in range(2):
                positions[a, axis] = (
                    areas[a] * positions[a, axis] + areas[b] * positions[b, axis]
                ) / total
            factors[a] = (areas[a] * factors[a] + areas[b] * factors[b]) / total
            areas[a] = total
            parents[b] = a
            next_member[last_member[a]] = b
            last_member[a] = last_member[b]
            n_touched = _touch(
                a,
                parents,
                next_member,
                starts,
                neighbours,
                sources,
                lengths,
                walls,
                shared,
                walled,
                touched,
            )
            for k in range(n_touched):
                other = touched[k]
                if group[a] == group[other]:
                    first, second = min(a, other), max(a, other)
                    cost = _cost(
                        areas,
                        perimeters,
                        features,
                        positions,
                        factors,
                        shared[other],
                        walled[other],
                        first,
                        second,
                        scale,
                        position_weight,
                        raggedness,
                        contour_weight,
                    )
                    heappush(queue, (cost, areas[a] + areas[other], first, second))
                shared[other] = walled[other] = 0
    return merges[:n_merges]


@kernel
def _touch(
    region: int,
    parents: NDArray[np.int32],
    next_member: NDArray[np.int32],
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    sources: NDArray[np.int32],
    lengths: NDArray[np.int64],
    walls: NDArray[np.float64],
    shared: NDArray[np.float64],
    walled: NDArray[np.float64],
    touched: NDArray[np.int32],
) -> int:
    """Find a merged region's neighbours and the border in common; the caller zeroes `shared`, its
    length, and `walled`, the contour summed along it."""
    n_touched = 0
    member = np.int32(region)
    while member >= 0:
        for k in range(starts[member], starts[member + 1]):
            other = find_root(parents, neighbours[k])
            if other == region:
                continue
            if shared[other] == 0:
                touched[n_touched] = other
                n_touched += 1
            shared[other] += lengths[sources[k]]
            walled[other] += walls[sources[k]]
        member = next_member[member]
    return n_touched
