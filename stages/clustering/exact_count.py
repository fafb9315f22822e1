"""The exact number of superpixels: merge the most alike, or split the largest."""

from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.distances import Means
from spam_pipe.stages.clustering.features import Features
from spam_pipe.stages.clustering.seeds import Counts
from spam_pipe.stages.clustering.soft_clustering import label_means
from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.regions.connectivity import (
    adjacent_pairs,
    count_labels,
    find_root,
    merge_regions,
    neighbour_lists,
)
from spam_pipe.stages.regions.label_maps import Labels

Index = int | np.integer


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
    parents = _merge(pairs, means, areas, owners.copy(), n_merges, surplus)
    return merge_regions(regions, parents)


@kernel
def _cost(means: Means, areas: NDArray[np.float64], a: Index, b: Index) -> float:
    distance = 0.0
    for channel in range(means.shape[1]):
        distance += (means[a, channel] - means[b, channel]) ** 2
    cost: float = areas[a] * areas[b] / (areas[a] + areas[b]) * distance
    return cost


@kernel
def _merge(
    pairs: NDArray[np.int32],
    means: Means,
    areas: NDArray[np.float64],
    owners: NDArray[np.int32],
    n_merges: int,
    surplus: Counts,
) -> NDArray[np.int32]:
    """Merge so many pairs, the cheapest first, and no more of an object than it has in surplus.

    A merge with a region of uncertain pixels alone costs their surplus (the entry 0).
    """
    surplus = surplus.copy()
    n = areas.size
    parents = np.arange(n).astype(np.int32)
    starts, neighbours, _ = neighbour_lists(pairs, n)
    # The regions of a set form a list, so that its neighbours are found without merging lists.
    next_member = np.full(n, -1, np.int32)
    last_member = np.arange(n).astype(np.int32)
    seen = np.full(n, -1, np.int32)
    queue = [
        (
            _cost(means, areas, pairs[k, 0], pairs[k, 1]),
            areas[pairs[k, 0]] + areas[pairs[k, 1]],
            pairs[k, 0],
            pairs[k, 1],
        )
        for k in range(len(pairs))
    ]
    heapify(queue)
    while n_merges > 0 and len(queue) > 0:
        _, total, a, b = heappop(queue)
        # Areas only grow: an entry is out of date if their sum is no longer what it was.
        if parents[a] != a or parents[b] != b or areas[a] + areas[b] != total:
            continue
        if owners[a] != owners[b] and owners[a] > 0 and owners[b] > 0:
            continue
        # Surpluses only shrink: a pair that is left out here never comes to its turn.
        payer = min(owners[a], owners[b])
        if surplus[payer] == 0:
            continue
        surplus[payer] -= 1
        for channel in range(means.shape[1]):
            means[a, channel] = (
                areas[a] * means[a, channel] + areas[b] * means[b, channel]
            ) / total
        areas[a] = total
        owners[a] = max(owners[a], owners[b])
        parents[b] = a
        next_member[last_member[a]] = b
        last_member[a] = last_member[b]
        n_merges -= 1
        # A neighbour of one part alone may be more like the whole: all costs are queued anew.
        seen[a] = b
        member = a
        while member >= 0:
            for k in range(starts[member], starts[member + 1]):
                other = np.int32(find_root(parents, neighbours[k]))
                # No two merges remove the same region, so its number says which merge this is.
                if seen[other] != b:
                    seen[other] = b
                    heappush(
                        queue,
                        (
                            _cost(means, areas, a, other),
                            areas[a] + areas[other],
                            min(a, other),
                            max(a, other),
                        ),
                    )
            member = next_member[member]
    return parents


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


@kernel
def _split_largest(
    regions: Labels, n_regions: int, owners: NDArray[np.int32], missing: Counts
) -> tuple[Labels, int]:
    split = regions.copy()
    missing = missing.copy()
    n_wanted = n_regions + missing.sum()
    if n_wanted == n_regions:
        return split, n_regions
    owner = np.zeros(n_wanted, np.int32)
    owner[:n_regions] = owners
    width = regions.shape[1]
    flat = split.reshape(-1)
    # Pixels sorted by region: each region is a slice, and its parts are slices of that slice.
    starts = np.zeros(n_wanted + 1, np.int64)
    for pixel in range(flat.size):
        if flat[pixel] >= 0:
            starts[flat[pixel] + 1] += 1
    starts = np.cumsum(starts)[:-1]
    ends = starts.copy()
    pixels = np.empty(flat.size, np.int64)
    for pixel in range(flat.size):
        if flat[pixel] < 0:
            continue
        pixels[ends[flat[pixel]]] = pixel
        ends[flat[pixel]] += 1
    state = np.zeros(flat.size, np.int8)
    queue = [(starts[i] - ends[i], np.int64(i)) for i in range(n_regions)]
    heapify(queue)
    n = n_regions
    while n < n_wanted:
        _, region = heappop(queue)
        if missing[owner[region]] == 0:
            continue
        missing[owner[region]] -= 1
        owner[n] = owner[region]
        members = pixels[starts[region] : ends[region]]
        size = members.size
        # The last pixel that a flood reaches is an end of the region; so is the first one's last.
        end = _flood(flat, width, members[0], size, state, 0, 1)[-1]
        order = _flood(flat, width, end, size, state, 1, 2)
        for i in range((size + 1) // 2):
            state[order[i]] = 3
        rest = order[(size + 1) // 2 :]
        kept = rest[:0]
        for pixel in rest:
            if state[pixel] == 2:
                part = _flood(flat, width, pixel, size, state, 2, 4)
                if part.size > kept.size:
                    kept = part
        for pixel in order:
            state[pixel] = 0
        for pixel in kept:
            flat[pixel] = n
        # The region keeps the front of its slice, the new one takes the back.
        front, back = starts[region], ends[region]
        for pixel in order:
            if flat[pixel] == n:
                back -= 1
                pixels[back] = pixel
            else:
                pixels[front] = pixel
                front += 1
        starts[n], ends[n] = back, ends[region]
        ends[region] = back
        heappush(queue, (starts[region] - ends[region], region))
        heappush(queue, (starts[n] - ends[n], np.int64(n)))
        n += 1
    return split, n


@kernel
def _flood(
    flat: NDArray[np.int32],
    width: int,
    start: int,
    size: int,
    state: NDArray[np.int8],
    before: int,
    after: int,
) -> NDArray[np.int64]:
    """List the pixels of one region and state that are connected to a pixel, nearest first."""
    region = flat[start]
    reached = np.empty(size, np.int64)
    reached[0] = start
    state[start] = after
    n_reached = 1
    k = 0
    while k < n_reached:
        pixel = reached[k]
        k += 1
        column = pixel % width
        for step in range(4):
            if step == 0:
                other = pixel - width
            elif step == 1:
                other = pixel - 1 if column > 0 else -1
            elif step == 2:
                other = pixel + 1 if column < width - 1 else -1
            else:
                other = pixel + width
            if other < 0 or other >= flat.size:
                continue
            if flat[other] == region and state[other] == before:
                state[other] = after
                reached[n_reached] = other
                n_reached += 1
    return reached[:n_reached]
