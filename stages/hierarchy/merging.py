"""Regions merge one pair at a time: the order that makes levels of a partition.

What a merge costs is Ward's (1963) increase of the squared error, of the features and of the
positions, times how spread out the merged region is, and more where a contour runs between.
Positions are weighed for the number of regions that are left, as the clustering weighs them for
the number that is asked for.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.regions.adjacency import borders
from spam_pipe.stages.regions.connectivity import find_root, neighbour_lists
from spam_pipe.stages.regions.label_maps import Index, Labels
from spam_pipe.stages.regions.queue import Queue, pop, push, queue_of, with_room

SPREAD_POWER = 0.5
"""Power of the merged region's moment of inertia, beside that of a disc of its area, in the cost.

2 pi mu / A^2 is 1 for a disc, 1.05 for a square, 1.31 for two squares side by side."""

_STEP = 1.19
"""Merges between two levels this far apart weigh positions alike."""

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


class Weights(NamedTuple):
    """What counts in merges beside the features.

    Attributes
    ----------
    position
        Factor of the clustering's weight of the position.
    contour
        How much dearer a merge is over a certain contour than over none.
    """

    position: float
    contour: float


def phases_down(
    high: int,
    low: int,
    groups_at: Callable[[int], NDArray[np.int32]],
    weights_at: Callable[[int], Weights],
    scale: Callable[[int], float],
) -> list[Phase]:
    """Return what leads from a level of `high` regions to one of `low`, in short steps.

    Parameters
    ----------
    high, low
        Numbers of regions.
    groups_at
        The (n,) groups that hold down to a level.
    weights_at
        What counts in merges that come to a number of regions.
    scale
        The clustering's factor of positions in pixels at a number of superpixels.
    """
    phases = []
    for level in steps_down(high, low):
        weights = weights_at(level)
        position = weights.position * scale(max(1, int(np.sqrt(high * level)))) ** 2
        phases.append(Phase(level, groups_at(level), position, weights.contour))
        high = level
    return phases


def always(groups: NDArray[np.int32]) -> Callable[[int], NDArray[np.int32]]:
    """Return what says these groups of every level."""
    return lambda level: groups


def steps_down(high: int, low: int) -> Iterator[int]:
    """Yield falling levels from below `high` to `low`."""
    while high > low:
        high = max(low, min(high - 1, int(high / _STEP)))
        yield high


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
    means: NDArray[np.float64],
    *,
    contour: NDArray[np.number[Any]] | None = None,
    factors: NDArray[np.float64] | None = None,
) -> Regions:
    """Measure n regions for their merging.

    Parameters
    ----------
    labels
        (H, W) int32 0..n-1, each present; -1 outside.
    means
        (n, D) mean features of each, without positions.
    contour
        (H, W) contour probability in 0..1, or 255 times it in whole numbers.
    factors
        (n,) how much smaller than elsewhere regions are wanted.
    """
    n = len(means)
    # A map of nothing takes no memory: it is never written to.
    found = borders(labels, np.zeros(labels.shape, np.uint8) if contour is None else contour)
    whole = contour is not None and contour.dtype == np.uint8
    sums = np.zeros((n, _FEATURES + means.shape[1]))
    _sum_places(np.ascontiguousarray(labels), sums)
    areas = sums[:, _AREA]
    sums[:, _FACTOR] = areas if factors is None else areas * factors
    sums[:, _FEATURES:] = areas[:, np.newaxis] * means
    return Regions(
        sums=sums,
        pairs=np.stack([found.first, found.second], axis=1).astype(np.int32),
        lengths=found.length,
        strengths=found.strength / 255 if whole else found.strength,
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
    merges = np.empty((n - 1, 2), np.int32)
    state = np.zeros(3, np.int64)
    partition = (
        np.ascontiguousarray(regions.sums).copy(),
        *neighbour_lists(regions.pairs, n),
        np.stack([regions.lengths, regions.lengths * regions.strengths], axis=1),
        np.arange(n, dtype=np.int32),
        np.full(n, -1, np.int32),
        np.arange(n, dtype=np.int32),
        np.zeros((n, 2)),
        np.empty(n, np.int32),
    )
    room = len(regions.pairs) + n
    queue = Queue(np.empty(room), np.empty(room), np.empty(room, np.int64))
    for phase in phases:
        state[2] = n - phase.n_regions
        if state[1] >= state[2]:
            continue
        rules = (
            np.ascontiguousarray(phase.groups, np.int32),
            float(phase.position_weight),
            float(phase.contour_weight),
            SPREAD_POWER,
        )
        state[0] = _queue_pairs(*queue, *partition, *rules)
        costs, sizes, names = (each[: state[0]] for each in queue)
        queue = queue_of(costs, sizes, names, queue.names.size)
        while not _merge(*queue, state, merges, *partition, *rules):
            queue = with_room(queue, 2 * queue.names.size)
    if state[1] == n - 1:
        return merges
    return np.concatenate([merges[: state[1]], _join_apart(regions, merges[: state[1]])])


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


@kernel("int32[:, ::1], float64[:, ::1]")
def _sum_places(labels: Labels, sums: NDArray[np.float64]) -> None:
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            label = labels[row, column]
            if label >= 0:
                sums[label, _AREA] += 1
                sums[label, _ROW] += row
                sums[label, _COLUMN] += column
                sums[label, _INERTIA] += row * row + column * column


_PARTITION = (
    "float64[:, ::1], int64[::1], int32[::1], int32[::1], float64[:, ::1], int32[::1], "
    "int32[::1], int32[::1], float64[:, ::1], int32[::1]"
)
_RULES = "int32[::1], float64, float64, float64"
_QUEUE = "float64[::1], float64[::1], int64[::1]"


@kernel("float64[:, ::1], int64, int64, float64, float64, float64, float64")
def _cost(
    sums: NDArray[np.float64],
    first: Index,
    second: Index,
    contour: float,
    position_weight: float,
    contour_weight: float,
    spread_power: float,
) -> float:
    """Return what it costs to merge two regions over such a mean contour."""
    a, b = sums[first], sums[second]
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


@kernel(f"int64, {_PARTITION}")
def _gather(
    region: Index,
    sums: NDArray[np.float64],
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    sources: NDArray[np.int32],
    sides: NDArray[np.float64],
    parents: NDArray[np.int32],
    next_member: NDArray[np.int32],
    last_member: NDArray[np.int32],
    shared: NDArray[np.float64],
    touched: NDArray[np.int32],
) -> int:
    """List the regions that one touches, sum what it shares with each, and return how many."""
    n_touched = 0
    member: Index = region
    while member >= 0:
        for k in range(starts[member], starts[member + 1]):
            other = find_root(parents, neighbours[k])
            if other != region:
                if shared[other, 0] == 0:
                    touched[n_touched] = other
                    n_touched += 1
                shared[other, 0] += sides[sources[k], 0]
                shared[other, 1] += sides[sources[k], 1]
        member = np.int64(next_member[member])
    return n_touched


@kernel(f"{_QUEUE}, {_PARTITION}, {_RULES}")
def _queue_pairs(
    costs: NDArray[np.float64],
    totals: NDArray[np.float64],
    names: NDArray[np.int64],
    sums: NDArray[np.float64],
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    sources: NDArray[np.int32],
    sides: NDArray[np.float64],
    parents: NDArray[np.int32],
    next_member: NDArray[np.int32],
    last_member: NDArray[np.int32],
    shared: NDArray[np.float64],
    touched: NDArray[np.int32],
    group: NDArray[np.int32],
    position_weight: float,
    contour_weight: float,
    spread_power: float,
) -> int:
    """Write each pair that may merge, in no order, and return how many there are."""
    n = parents.size
    n_pairs = 0
    for region in range(n):
        if parents[region] != region:
            continue
        n_touched = _gather(
            region,
            sums,
            starts,
            neighbours,
            sources,
            sides,
            parents,
            next_member,
            last_member,
            shared,
            touched,
        )
        for k in range(n_touched):
            other = np.int64(touched[k])
            if other > region and group[other] == group[region]:
                costs[n_pairs] = _cost(
                    sums,
                    region,
                    other,
                    shared[other, 1] / shared[other, 0],
                    position_weight,
                    contour_weight,
                    spread_power,
                )
                totals[n_pairs] = sums[region, _AREA] + sums[other, _AREA]
                names[n_pairs] = region * n + other
                n_pairs += 1
            shared[other, 0] = shared[other, 1] = 0
    return n_pairs


@kernel(f"{_QUEUE}, int64[::1], int32[:, ::1], {_PARTITION}, {_RULES}")
def _merge(
    costs: NDArray[np.float64],
    totals: NDArray[np.float64],
    names: NDArray[np.int64],
    state: NDArray[np.int64],
    merges: NDArray[np.int32],
    sums: NDArray[np.float64],
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    sources: NDArray[np.int32],
    sides: NDArray[np.float64],
    parents: NDArray[np.int32],
    next_member: NDArray[np.int32],
    last_member: NDArray[np.int32],
    shared: NDArray[np.float64],
    touched: NDArray[np.int32],
    group: NDArray[np.int32],
    position_weight: float,
    contour_weight: float,
    spread_power: float,
) -> bool:
    """Merge, in place, what is queued; False where the queue's room ended before.

    `state` holds how many entries are queued, how many merges are made, and how many there are
    to be. An entry's size is the area of the pair, its name the lower
    region times n plus the higher one. The regions of a set form a list, so that its neighbours
    are found without merging lists; `shared`, all zero, and `touched` are room to work in.
    """
    n = parents.size
    while state[0] > 0 and state[1] < state[2]:
        # What follows a merge is queued for each neighbour, of which there are fewer than n.
        if state[0] + n > names.size:
            return False
        pop(costs, totals, names, state[0])
        state[0] -= 1
        a, b = names[state[0]] // n, names[state[0]] % n
        # Areas only grow: an entry is out of date if their sum is not what it was.
        if parents[a] != a or parents[b] != b:
            continue
        if sums[a, _AREA] + sums[b, _AREA] != totals[state[0]]:
            continue
        merges[state[1], 0] = a
        merges[state[1], 1] = b
        state[1] += 1
        for column in range(sums.shape[1]):
            sums[a, column] += sums[b, column]
        parents[b] = a
        next_member[last_member[a]] = b
        last_member[a] = last_member[b]
        n_touched = _gather(
            a,
            sums,
            starts,
            neighbours,
            sources,
            sides,
            parents,
            next_member,
            last_member,
            shared,
            touched,
        )
        for k in range(n_touched):
            other = np.int64(touched[k])
            if group[a] == group[other]:
                first, second = (a, other) if a < other else (other, a)
                cost = _cost(
                    sums,
                    first,
                    second,
                    shared[other, 1] / shared[other, 0],
                    position_weight,
                    contour_weight,
                    spread_power,
                )
                total = sums[a, _AREA] + sums[other, _AREA]
                push(costs, totals, names, state[0], cost, total, first * n + second)
                state[0] += 1
            shared[other, 0] = shared[other, 1] = 0
    return True
