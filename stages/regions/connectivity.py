"""From labels to regions: each 4-connected, none too small, none in two objects."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel, part, record
from spam_pipe.stages.regions.label_maps import Index, Labels
from spam_pipe.stages.regions.objects import Objects
from spam_pipe.stages.regions.queue import QUEUE, Queue, pop, push, queue_of


@part
def find_root(parents: NDArray[np.integer[Any]], node: int) -> int:
    """Return the representative of a node's set, halving the path to it."""
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


def count_labels(labels: Labels, n_labels: int) -> NDArray[np.int64]:
    """Count the pixels of each label of an (N,) array; those at -1 are in none."""
    areas = np.zeros(n_labels, np.int64)
    _count(labels, areas)
    return areas


@kernel("int32[::1], int64[::1]")
def _count(labels: Labels, areas: NDArray[np.int64]) -> None:
    for pixel in range(labels.size):
        if labels[pixel] >= 0:
            areas[labels[pixel]] += 1


@kernel("int32[::1], int64[::1], int32[::1]")
def list_members(labels: Labels, following: NDArray[np.int64], pixels: NDArray[np.int32]) -> None:
    """Put each pixel into the next place of its label, and move that place on.

    Parameters
    ----------
    labels
        (N,) int32; pixels at -1 are left out.
    following
        Where the first pixel of each label is put, in place; then where its last one ends.
    pixels
        The pixels' numbers, label by label, in their order.
    """
    for pixel in range(labels.size):
        label = labels[pixel]
        if label >= 0:
            pixels[following[label]] = pixel
            following[label] += 1


def connected_components(labels: Labels) -> tuple[Labels, int]:
    """Number the 4-connected components of equal labels, in raster order of their first pixel.

    Returns
    -------
    The (H, W) int32 components 0..n-1, -1 where the label is, and n.
    """
    provisional = np.empty(labels.shape, np.int32)
    parents = np.empty(labels.size, np.int32)
    n = _scan(np.ascontiguousarray(labels, np.int32), provisional, parents)
    return merge_regions(provisional, parents[:n])


@kernel("int32[:, ::1], int32[:, ::1], int32[::1]")
def _scan(labels: Labels, provisional: Labels, parents: NDArray[np.int32]) -> int:
    """Number runs of equal labels, note which touch the row above, and return how many."""
    height, width = labels.shape
    n = 0
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label < 0:
                provisional[row, column] = -1
                continue
            up = row > 0 and labels[row - 1, column] == label
            if column > 0 and labels[row, column - 1] == label:
                left = provisional[row, column - 1]
                provisional[row, column] = left
                if up:
                    a = find_root(parents, left)
                    b = find_root(parents, provisional[row - 1, column])
                    # The lower number stays, so that roots come first in raster order.
                    if a < b:
                        parents[b] = a
                    else:
                        parents[a] = b
            elif up:
                provisional[row, column] = provisional[row - 1, column]
            else:
                parents[n] = n
                provisional[row, column] = n
                n += 1
    return n


def merge_regions(regions: Labels, parents: NDArray[np.int32]) -> tuple[Labels, int]:
    """Give the regions of each set one number, in raster order of their first pixel.

    Parameters
    ----------
    regions
        (H, W) int32 in 0..n-1; -1 outside.
    parents
        (n,) int32 union-find forest.

    Returns
    -------
    The (H, W) int32 merged regions 0..m-1, and m.
    """
    numbers = np.full(parents.size, -1, np.int32)
    renumbered = np.empty(regions.shape, np.int32)
    n = _renumber(np.ascontiguousarray(regions), parents, numbers, renumbered)
    return renumbered, n


@kernel("int32[:, ::1], int32[::1], int32[::1], int32[:, ::1]")
def _renumber(
    regions: Labels, parents: NDArray[np.int32], numbers: NDArray[np.int32], renumbered: Labels
) -> int:
    n = 0
    for row in range(regions.shape[0]):
        for column in range(regions.shape[1]):
            if regions[row, column] < 0:
                renumbered[row, column] = -1
                continue
            root = find_root(parents, regions[row, column])
            if numbers[root] < 0:
                numbers[root] = n
                n += 1
            renumbered[row, column] = numbers[root]
    return n


def region_owners(regions: Labels, n_regions: int, objects: Objects) -> NDArray[np.int32]:
    """Return the object of each region's certain pixels, 0 where all are uncertain."""
    owners = np.zeros(n_regions, np.int32)
    _find_owners(regions, np.ascontiguousarray(objects), owners)
    return owners


@kernel("int32[:, ::1], int32[:, ::1], int32[::1]")
def _find_owners(regions: Labels, objects: Objects, owners: NDArray[np.int32]) -> None:
    for row in range(regions.shape[0]):
        for column in range(regions.shape[1]):
            if objects[row, column] > 0 and regions[row, column] >= 0:
                owners[regions[row, column]] = objects[row, column]


def adjacent_pairs(regions: Labels, n_regions: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """List the pairs of 4-adjacent regions; pixels at -1 are in none.

    Returns
    -------
    (E, 2) int32 pairs, each with the lower region first, sorted; and the (E,) int32 length of
    their border in pixel sides.
    """
    beside = regions[:, :-1] != regions[:, 1:]
    below = regions[:-1] != regions[1:]
    one = np.concatenate([regions[:, :-1][beside], regions[:-1][below]])
    other = np.concatenate([regions[:, 1:][beside], regions[1:][below]])
    low, high = np.minimum(one, other), np.maximum(one, other)
    keys = (low.astype(np.int64) * n_regions + high)[low >= 0]
    keys.sort()
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: keys.size])
    lengths = np.diff(np.append(first, keys.size)).astype(np.int32)
    return np.stack(np.divmod(keys[first], n_regions), axis=1).astype(np.int32), lengths


class Neighbours(NamedTuple):
    """Each region's neighbours, and the pairs that they come from."""

    starts: NDArray[np.int64]  # (n_regions + 1,) int64 offsets into the two others
    regions: NDArray[np.int32]  # (2E,) int32
    pairs: NDArray[np.int32]  # (2E,) int32


NEIGHBOURS = record(Neighbours, "int64[::1], int32[::1], int32[::1]")


def neighbour_lists(pairs: NDArray[np.int32], n_regions: int) -> Neighbours:
    """Turn (E, 2) pairs into lists."""
    starts = np.zeros(n_regions + 1, np.int64)
    np.cumsum(np.bincount(pairs.ravel(), minlength=n_regions), out=starts[1:])
    order = np.argsort(pairs.ravel(), kind="stable")
    return Neighbours(starts, pairs[:, ::-1].ravel()[order], (order // 2).astype(np.int32))


class Sets(NamedTuple):
    """Sets of n regions: a union-find forest, and each set a list, joined at no cost."""

    parents: NDArray[np.int32]  # (n,) int32
    following: NDArray[np.int32]  # (n,) int32 the next region of the set, -1 after the last
    last: NDArray[np.int32]  # (n,) int32 the last region of each root's set


SETS = record(Sets, "int32[::1], int32[::1], int32[::1]")


def sets_of(n: int) -> Sets:
    """Return n sets of one region each."""
    one = np.arange(n, dtype=np.int32)
    return Sets(one, np.full(n, -1, np.int32), one.copy())


class _Owned(NamedTuple):
    """Regions as `_absorb` changes them."""

    sizes: NDArray[np.int64]
    owners: NDArray[np.int32]
    thresholds: NDArray[np.float64]  # by object


def absorb_small(
    regions: Labels,
    n_regions: int,
    owners: NDArray[np.int32],
    thresholds: NDArray[np.floating | np.integer],
) -> tuple[Labels, int]:
    """Merge regions that are too small into the neighbour with the longest common border.

    The smallest goes first. Regions of different objects don't merge; an uncertain one (owner 0)
    may with any, and then belongs to that object.

    Parameters
    ----------
    regions
        (H, W) int32 4-connected regions 0..n_regions-1; -1 outside.
    n_regions
        How many there are.
    owners
        (n_regions,) int32 object of each, 0 = uncertain.
    thresholds
        (n_objects + 1,) pixels below which a region of each object (of none, at 0) is too small.

    Returns
    -------
    The (H, W) int32 regions 0..m-1, and m. Regions without a neighbour to merge with stay.
    """
    pairs, lengths = adjacent_pairs(regions, n_regions)
    sizes = count_labels(regions.ravel(), n_regions)
    small = np.flatnonzero(sizes < thresholds[owners])
    # Each merge, which leaves one region less, puts at most one more into the queue.
    queue = queue_of(sizes[small], np.zeros(small.size), small, small.size + n_regions)
    # Whole thresholds would have the kernel compiled once more.
    owned = _Owned(sizes, owners.copy(), thresholds.astype(np.float64))
    sets = sets_of(n_regions)
    neighbours = neighbour_lists(pairs, n_regions)
    room = np.zeros(n_regions, np.int64), np.empty(n_regions, np.int32)
    _absorb(queue, small.size, neighbours, lengths, owned, sets, room)
    return merge_regions(regions, sets.parents)


@kernel(
    (
        *(QUEUE, "int64", NEIGHBOURS, "int32[::1]"),
        *(record(_Owned, "int64[::1], int32[::1], float64[::1]"), SETS),
        "Tuple((int64[::1], int32[::1]))",
    )
)
def _absorb(
    queue: Queue,
    n_queued: int,
    neighbours: Neighbours,
    lengths: NDArray[np.int32],
    owned: _Owned,
    sets: Sets,
    room: tuple[NDArray[np.int64], NDArray[np.int32]],
) -> None:
    """Merge, in place, the queued regions: a region's size is its cost.

    `lengths` are those of the pairs' borders; `room`, its first array all zero, is to work in.
    """
    costs, ties, names = queue
    sizes, owners, thresholds = owned
    parents, next_member, last_member = sets
    shared, touched = room
    while n_queued > 0:
        pop(costs, ties, names, n_queued)
        n_queued -= 1
        region: Index = names[n_queued]
        if parents[region] != region or sizes[region] != np.int64(costs[n_queued]):
            continue
        if sizes[region] >= thresholds[owners[region]]:
            continue
        n_touched = 0
        member: Index = region
        while member >= 0:
            for k in range(neighbours.starts[member], neighbours.starts[member + 1]):
                other = find_root(parents, neighbours.regions[k])
                if other != region:
                    if shared[other] == 0:
                        touched[n_touched] = other
                        n_touched += 1
                    shared[other] += lengths[neighbours.pairs[k]]
            member = np.int64(next_member[member])
        best: Index = np.int64(-1)
        for k in range(n_touched):
            other = touched[k]
            if (owners[other] == owners[region] or owners[other] == 0 or owners[region] == 0) and (
                best < 0
                or shared[other] > shared[best]
                or (shared[other] == shared[best] and other < best)
            ):
                best = other
        for k in range(n_touched):
            shared[touched[k]] = 0
        if best < 0:
            continue
        # Joined under the larger one, whose list may be long: only its end is touched.
        parents[region] = best
        next_member[last_member[best]] = region
        last_member[best] = last_member[region]
        sizes[best] += sizes[region]
        if owners[best] < owners[region]:
            owners[best] = owners[region]
        if sizes[best] < thresholds[owners[best]]:
            push(costs, ties, names, n_queued, np.float64(sizes[best]), 0.0, best)
            n_queued += 1


def value_of_each(regions: Labels, n_regions: int, values: Labels) -> NDArray[np.int32]:
    """Return the value that each region has throughout.

    Parameters
    ----------
    regions
        (H, W) int32 in 0..n_regions-1; -1 outside.
    n_regions
        How many there are, each with a pixel at least.
    values
        (H, W) int32, the same in all pixels of a region.
    """
    found = np.empty(n_regions + 1, np.int32)
    found[regions] = values  # what is outside ends up last
    return found[:n_regions]
