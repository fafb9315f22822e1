"""The exact number of superpixels: merge the most alike, or split the largest."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.distances import Means
from spam_pipe.stages.clustering.features import Features
from spam_pipe.stages.clustering.seeds import Counts
from spam_pipe.stages.clustering.soft_clustering import label_means
from spam_pipe.stages.compiled import kernel, record
from spam_pipe.stages.regions.connectivity import (
    NEIGHBOURS,
    SETS,
    Neighbours,
    Sets,
    adjacent_pairs,
    count_labels,
    find_root,
    list_members,
    merge_regions,
    neighbour_lists,
    sets_of,
)
from spam_pipe.stages.regions.label_maps import Index, Labels
from spam_pipe.stages.regions.queue import QUEUE, Queue, pop, push, queue_of, with_room


def merge_to_count(
    regions: Labels,
    n_regions: int,
    n_wanted: int,
    features: Features,
    owners: NDArray[np.int32],
) -> tuple[Labels, int]:
    """Merge the adjacent pairs that least increase the squared error until few enough are left.

    A pair costs ``n_a n_b / (n_a + n_b) * |m_a - m_b|^2`` (Ward, 1963). Regions of different
    objects don't merge; an uncertain one (owner 0) may with any.

    Parameters
    ----------
    regions
        (H, W) int32 4-connected regions 0..n_regions-1; -1 outside.
    n_regions, n_wanted
        How many there are, and how many to come down to.
    features
        (H * W, D) float32.
    owners
        (n_regions,) int32 object of each region, 0 = uncertain.

    Returns
    -------
    The (H, W) int32 regions 0..m-1, and m: more than wanted only where nothing more may merge.
    """
    n_merges = n_regions - n_wanted
    if n_merges <= 0:
        return regions, n_regions
    surplus = np.full(owners.max() + 1, n_merges)
    return _merge_alike(regions, n_regions, n_merges, surplus, features, owners)


def merge_to_quotas(
    regions: Labels,
    n_regions: int,
    quotas: Counts,
    features: Features,
    owners: NDArray[np.int32],
) -> tuple[Labels, int]:
    """Merge the most alike of each object until it has no more regions than its quota.

    Regions of uncertain pixels alone have no quota: each merges with a neighbour.

    Parameters
    ----------
    quotas
        (n,) how many regions objects 1..n may keep, at least one each.
    regions, n_regions, features, owners
        As for `merge_to_count`.

    Returns
    -------
    The (H, W) int32 regions 0..m-1, and m. An object of more pieces than its quota keeps them.
    """
    surplus = np.maximum(_count_owned(owners, quotas.size) - _with_uncertain(quotas), 0)
    n_merges = int(surplus.sum())
    if n_merges == 0:
        return regions, n_regions
    return _merge_alike(regions, n_regions, n_merges, surplus, features, owners)


def _count_owned(owners: NDArray[np.int32], n_objects: int) -> Counts:
    """Count the regions of no object, of object 1, of object 2 …"""
    return np.bincount(owners, minlength=n_objects + 1)


def _with_uncertain(quotas: Counts) -> Counts:
    return np.concatenate([np.zeros(1, quotas.dtype), quotas])


def _merge_alike(
    regions: Labels,
    n_regions: int,
    n_merges: int,
    surplus: Counts,
    features: Features,
    owners: NDArray[np.int32],
) -> tuple[Labels, int]:
    pairs, _ = adjacent_pairs(regions, n_regions)
    means = label_means(features, regions.ravel(), n_regions)
    areas = count_labels(regions.ravel(), n_regions).astype(np.float64)
    merged = _Regions(means, areas, owners.copy())
    return merge_regions(regions, _merge_pairs(pairs, merged, n_merges, surplus.copy()))


class _Regions(NamedTuple):
    """Regions as `_merge` changes them."""

    means: Means
    areas: NDArray[np.float64]
    owners: NDArray[np.int32]


def _merge_pairs(
    pairs: NDArray[np.int32], regions: _Regions, n_merges: int, surplus: Counts
) -> NDArray[np.int32]:
    """Merge so many pairs, the cheapest first, and no more of an object than it has in surplus.

    A merge with a region of uncertain pixels alone costs their surplus (the entry 0). Returns the
    (n,) int32 union-find forest; the regions and the surplus are brought up to date.
    """
    means, areas, _ = regions
    n = areas.size
    first, second = pairs[:, 0], pairs[:, 1]
    total = areas[first] + areas[second]
    distances = np.zeros(len(pairs))
    for channel in range(means.shape[1]):
        distances += (means[first, channel] - means[second, channel]) ** 2
    costs = areas[first] * areas[second] / total * distances
    names = first.astype(np.int64) * n + second
    queue = queue_of(costs, total, names, len(pairs) + 4 * n)
    state = np.array([len(pairs), n_merges])
    neighbours, sets = neighbour_lists(pairs, n), sets_of(n)
    seen = np.full(n, -1, np.int32)
    while not _merge(queue, state, neighbours, regions, surplus, sets, seen):
        queue = with_room(queue, 2 * queue.names.size)
    return sets.parents


@kernel(
    (
        *(QUEUE, "int64[::1]", NEIGHBOURS),
        record(_Regions, "float64[:, ::1], float64[::1], int32[::1]"),
        *("int64[::1]", SETS, "int32[::1]"),
    )
)
def _merge(
    queue: Queue,
    state: NDArray[np.int64],
    neighbours: Neighbours,
    regions: _Regions,
    surplus: Counts,
    sets: Sets,
    seen: NDArray[np.int32],
) -> bool:
    """Merge, in place, the queued pairs; False where the queue's room ended before.

    `state` holds how many entries are queued and how many merges are to be made. An entry's size
    is the area of the pair, its name the lower region times n plus the higher one.
    """
    costs, totals, names = queue
    means, areas, owners = regions
    parents, next_member, last_member = sets
    n = areas.size
    n_channels = means.shape[1]
    while state[0] > 0 and state[1] > 0:
        # A merge queues one entry for each neighbour: fewer than n.
        if state[0] + n > names.size:
            return False
        pop(costs, totals, names, state[0])
        state[0] -= 1
        a, b = names[state[0]] // n, names[state[0]] % n
        total = areas[a] + areas[b]
        # Areas only grow: an entry is out of date if their sum is no longer what it was.
        if parents[a] != a or parents[b] != b or total != totals[state[0]]:
            continue
        if owners[a] != owners[b] and owners[a] > 0 and owners[b] > 0:
            continue
        # Surpluses only shrink: a pair that is left out here never comes to its turn.
        payer = owners[a] if owners[a] < owners[b] else owners[b]
        if surplus[payer] == 0:
            continue
        surplus[payer] -= 1
        for channel in range(n_channels):
            means[a, channel] = (
                areas[a] * means[a, channel] + areas[b] * means[b, channel]
            ) / total
        areas[a] = total
        if owners[a] < owners[b]:
            owners[a] = owners[b]
        parents[b] = a
        next_member[last_member[a]] = b
        last_member[a] = last_member[b]
        state[1] -= 1
        # A neighbour of one part alone may be more like the whole: all costs are queued anew.
        seen[a] = b
        member = a
        while member >= 0:
            for k in range(neighbours.starts[member], neighbours.starts[member + 1]):
                other = np.int64(find_root(parents, neighbours.regions[k]))
                # No two merges remove the same region, so its number says which merge this is.
                if seen[other] == b:
                    continue
                seen[other] = b
                distance = 0.0
                for channel in range(n_channels):
                    distance += (means[a, channel] - means[other, channel]) ** 2
                both = areas[a] + areas[other]
                cost = areas[a] * areas[other] / both * distance
                name = a * n + other if a < other else other * n + a
                push(costs, totals, names, state[0], cost, both, name)
                state[0] += 1
            member = np.int64(next_member[member])
    return True


def split_to_count(regions: Labels, n_regions: int, n_wanted: int) -> tuple[Labels, int]:
    """Split the largest region in two until there are enough.

    Each part is 4-connected. The first is what a flood from one end of the region reaches until
    it holds half of it, and what that cuts off from the largest rest.

    Parameters
    ----------
    regions
        (H, W) int32 4-connected regions 0..n_regions-1; -1 outside.
    n_regions, n_wanted
        How many there are, and how many there are to be, at most as many as pixels in them.

    Returns
    -------
    The (H, W) int32 regions 0..n-1, and n.
    """
    missing = np.array([max(n_wanted - n_regions, 0)])
    return _split_largest(regions, n_regions, np.zeros(n_regions, np.int32), missing)


def split_to_quotas(
    regions: Labels, n_regions: int, quotas: Counts, owners: NDArray[np.int32]
) -> tuple[Labels, int]:
    """Split the largest region of each object in two until it has as many as its quota.

    Parameters
    ----------
    regions, n_regions
        As for `split_to_count`.
    quotas
        (n,) how many regions objects 1..n are to have, at most their areas.
    owners
        (n_regions,) int32 object of each region, 0 = uncertain.

    Returns
    -------
    The (H, W) int32 regions 0..m-1, and m.
    """
    missing = np.maximum(_with_uncertain(quotas) - _count_owned(owners, quotas.size), 0)
    return _split_largest(regions, n_regions, owners, missing)


def _split_largest(
    regions: Labels, n_regions: int, owners: NDArray[np.int32], missing: Counts
) -> tuple[Labels, int]:
    n_wanted = n_regions + int(missing.sum())
    if n_wanted == n_regions:
        return regions.copy(), n_regions
    split = np.ascontiguousarray(regions).copy()
    flat = split.reshape(-1)
    # Pixels sorted by region: each region is a slice, and its parts are slices of that slice.
    areas = count_labels(flat, n_regions)
    starts, ends = np.zeros(n_wanted, np.int64), np.zeros(n_wanted, np.int64)
    np.cumsum(areas, out=ends[:n_regions])
    starts[1:n_regions] = ends[: n_regions - 1]
    pixels = np.empty(flat.size, np.int32)
    list_members(flat, starts.copy(), pixels)
    owner = np.zeros(n_wanted, np.int32)
    owner[:n_regions] = owners
    queue = queue_of(-areas, np.zeros(n_regions), np.arange(n_regions), 2 * n_wanted)
    largest = int(areas.max())
    pieces = _Pieces(pixels, starts, ends, owner)
    room = _Room(
        np.zeros(flat.size, np.int8), np.empty(largest, np.int32), np.empty(largest, np.int32)
    )
    _split(queue, n_regions, flat, regions.shape[1], pieces, missing.copy(), room)
    return split, n_wanted


class _Pieces(NamedTuple):
    """Regions as slices of a list of pixels, with room for those that are to come."""

    pixels: NDArray[np.int32]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    owners: NDArray[np.int32]


class _Room(NamedTuple):
    """To work in."""

    state: NDArray[np.int8]  # of each pixel, all zero
    order: NDArray[np.int32]
    parts: NDArray[np.int32]


@kernel(
    (
        *(QUEUE, "int64, int32[::1], int64"),
        record(_Pieces, "int32[::1], int64[::1], int64[::1], int32[::1]"),
        *("int64[::1]", record(_Room, "int8[::1], int32[::1], int32[::1]")),
    )
)
def _split(
    queue: Queue,
    n: int,
    flat: NDArray[np.int32],
    width: int,
    pieces: _Pieces,
    missing: Counts,
    room: _Room,
) -> None:
    """Split, in place, until there are as many regions as room for them.

    All n regions are queued; minus its size is a region's cost.
    """
    costs, ties, names = queue
    pixels, starts, ends, owner = pieces
    state, order, parts = room
    # Written as 0, 1 and 2, numba would compile the flood anew for each of them.
    none = fresh = np.int64(0)
    reached, numbered = np.int64(1), np.int64(2)
    n_queued = n
    while n < starts.size:
        pop(costs, ties, names, n_queued)
        n_queued -= 1
        region = names[n_queued]
        if missing[owner[region]] == 0:
            continue
        missing[owner[region]] -= 1
        owner[n] = owner[region]
        start, end = starts[region], ends[region]
        size = end - start
        half = (size + 1) // 2
        # The last pixel that a flood reaches is an end of the region; so is the first one's last.
        _flood(flat, width, np.int64(pixels[start]), state, fresh, order, none)
        _flood(flat, width, np.int64(order[size - 1]), state, reached, order, none)
        for i in range(half):
            state[order[i]] = 4
        # Of the pieces of the other half, one after the other in `parts`, the largest is kept.
        kept = n_kept = n_parts = none
        for i in range(half, size):
            if state[order[i]] == 2:
                first = np.int64(order[i])
                n_after = _flood(flat, width, first, state, numbered, parts, n_parts)
                if n_after - n_parts > n_kept:
                    kept, n_kept = n_parts, n_after - n_parts
                n_parts = n_after
        for i in range(size):
            state[order[i]] = 0
        for i in range(kept, kept + n_kept):
            flat[parts[i]] = n
        # The region keeps the front of its slice, the new one takes the back.
        front, back = start, end
        for i in range(size):
            pixel = order[i]
            if flat[pixel] == n:
                back -= 1
                pixels[back] = pixel
            else:
                pixels[front] = pixel
                front += 1
        starts[n], ends[n], ends[region] = back, end, back
        push(costs, ties, names, n_queued, np.float64(start - back), 0.0, region)
        push(costs, ties, names, n_queued + 1, np.float64(back - end), 0.0, n)
        n_queued += 2
        n += 1


@kernel("int32[::1], int64, int64, int8[::1], int64, int32[::1], int64")
def _flood(
    flat: NDArray[np.int32],
    width: int,
    start: np.int64,
    state: NDArray[np.int8],
    before: np.int64,
    reached: NDArray[np.int32],
    n_reached: np.int64,
) -> np.int64:
    """List the pixels of one region and state that are connected to a pixel, nearest first.

    They follow the `n_reached` that are listed; their state goes up by one. Returns how many are
    listed then.
    """
    after = before + 1
    region = flat[start]
    k = n_reached
    reached[k] = start
    state[start] = after
    n_reached += 1
    while k < n_reached:
        pixel = np.int64(reached[k])
        k += 1
        column = pixel % width
        for step in range(4):
            other: Index = pixel - width
            if step == 1:
                other = pixel - 1 if column > 0 else -1
            elif step == 2:
                other = pixel + 1 if column < width - 1 else -1
            elif step == 3:
                other = pixel + width
            if other < 0 or other >= flat.size:
                continue
            if flat[other] == region and state[other] == before:
                state[other] = after
                reached[n_reached] = other
                n_reached += 1
    return n_reached
