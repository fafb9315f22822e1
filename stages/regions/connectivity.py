"""From labels to regions: each 4-connected, none too small, none in two objects."""

from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects


@kernel
def find_root(parents: NDArray[np.int32], node: int) -> int:
    """Return the representative of a node's set, halving the path to it."""
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@kernel
def count_labels(labels: Labels, n_labels: int) -> NDArray[np.int64]:
    """Count the pixels of each label of an (N,) array; those at -1 are in none."""
    areas = np.zeros(n_labels, np.int64)
    for label in labels:
        if label >= 0:
            areas[label] += 1
    return areas


@kernel
def connected_components(labels: Labels) -> tuple[Labels, int]:
    """Number the 4-connected components of equal labels, in raster order of their first pixel.

    Returns
    -------
    The (H, W) int32 components 0..n-1, -1 where the label is, and n.
    """
    height, width = labels.shape
    provisional = np.empty((height, width), np.int32)
    parents = np.empty(height * width, np.int32)
    n = 0
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label < 0:
                provisional[row, column] = -1
                continue
            up = row > 0 and labels[row - 1, column] == label
            left = column > 0 and labels[row, column - 1] == label
            if left:
                provisional[row, column] = provisional[row, column - 1]
                if up:
                    a = find_root(parents, provisional[row, column])
                    b = find_root(parents, provisional[row - 1, column])
                    # The lower number stays, so that roots come first in raster order.
                    parents[max(a, b)] = min(a, b)
            elif up:
                provisional[row, column] = provisional[row - 1, column]
            else:
                parents[n] = n
                provisional[row, column] = n
                n += 1
    return _renumber(provisional, parents, n)


@kernel
def _renumber(regions: Labels, parents: NDArray[np.int32], n: int) -> tuple[Labels, int]:
    numbers = np.full(n, -1, np.int32)
    renumbered = np.empty_like(regions)
    n_roots = 0
    for row in range(regions.shape[0]):
        for column in range(regions.shape[1]):
            if regions[row, column] < 0:
                renumbered[row, column] = -1
                continue
            root = find_root(parents, regions[row, column])
            if numbers[root] < 0:
                numbers[root] = n_roots
                n_roots += 1
            renumbered[row, column] = numbers[root]
    return renumbered, n_roots


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
    return _renumber(regions, parents, parents.size)


@kernel
def region_owners(regions: Labels, n_regions: int, objects: Objects) -> NDArray[np.int32]:
    """Return the object of each region's certain pixels, 0 where all are uncertain."""
    owners = np.zeros(n_regions, np.int32)
    for row in range(regions.shape[0]):
        for column in range(regions.shape[1]):
            if objects[row, column] > 0 and regions[row, column] >= 0:
                owners[regions[row, column]] = objects[row, column]
    return owners


@kernel
def adjacent_pairs(regions: Labels, n_regions: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """List the pairs of 4-adjacent regions; pixels at -1 are in none.

    Returns
    -------
    (E, 2) int32 pairs, each with the lower region first, sorted; and the (E,) int32 length of
    their border in pixel sides.
    """
    height, width = regions.shape
    n_sides = 0
    for row in range(height):
        for column in range(width):
            region = regions[row, column]
            if column + 1 < width and _meet(region, regions[row, column + 1]):
                n_sides += 1
            if row + 1 < height and _meet(region, regions[row + 1, column]):
                n_sides += 1
    keys = np.empty(n_sides, np.int64)
    k = 0
    for row in range(height):
        for column in range(width):
            region = regions[row, column]
            if column + 1 < width and _meet(region, regions[row, column + 1]):
                other = regions[row, column + 1]
                keys[k] = np.int64(min(region, other)) * n_regions + max(region, other)
                k += 1
            if row + 1 < height and _meet(region, regions[row + 1, column]):
                other = regions[row + 1, column]
                keys[k] = np.int64(min(region, other)) * n_regions + max(region, other)
                k += 1
    keys.sort()
    pairs = np.empty((n_sides, 2), np.int32)
    lengths = np.zeros(n_sides, np.int32)
    n_pairs = 0
    for k in range(n_sides):
        if k == 0 or keys[k] != keys[k - 1]:
            pairs[n_pairs, 0] = keys[k] // n_regions
            pairs[n_pairs, 1] = keys[k] % n_regions
            n_pairs += 1
        lengths[n_pairs - 1] += 1
    return pairs[:n_pairs].copy(), lengths[:n_pairs].copy()


@kernel
def _meet(region: int, other: int) -> bool:
    """Say whether two neighbouring pixels are of different regions, and neither is outside."""
    return region != other and region >= 0 and other >= 0


@kernel
def neighbour_lists(
    pairs: NDArray[np.int32], n_regions: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Turn pairs into lists: each region's neighbours, and the pairs they come from.

    Returns
    -------
    (n_regions + 1,) int64 offsets into the (2E,) int32 neighbours and (2E,) int32 pairs.
    """
    starts = np.zeros(n_regions + 1, np.int64)
    for k in range(len(pairs)):
        starts[pairs[k, 0] + 1] += 1
        starts[pairs[k, 1] + 1] += 1
    starts = np.cumsum(starts)
    following = starts[:-1].copy()
    neighbours = np.empty(2 * len(pairs), np.int32)
    sources = np.empty(2 * len(pairs), np.int32)
    for k in range(len(pairs)):
        for side in range(2):
            own = pairs[k, side]
            neighbours[following[own]] = pairs[k, 1 - side]
            sources[following[own]] = k
            following[own] += 1
    return starts, neighbours, sources


def absorb_small(
    regions: Labels, n_regions: int, owners: NDArray[np.int32], thresholds: NDArray[np.float64]
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
    parents = _absorb(regions, n_regions, pairs, lengths, owners, thresholds)
    return merge_regions(regions, parents)


@kernel
def _absorb(
    regions: Labels,
    n: int,
    pairs: NDArray[np.int32],
    lengths: NDArray[np.int32],
    region_owner: NDArray[np.int32],
    thresholds: NDArray[np.float64],
) -> NDArray[np.int32]:
    owners = region_owner.copy()
    sizes = count_labels(regions.reshape(-1), n)
    starts, neighbours, sources = neighbour_lists(pairs, n)
    parents = np.arange(n).astype(np.int32)
    # The regions of a set form a list, so that its border is found without merging lists.
    next_member = np.full(n, -1, np.int32)
    last_member = np.arange(n).astype(np.int32)
    shared = np.zeros(n, np.int64)
    touched = np.empty(n, np.int32)
    queue = [(sizes[i], np.int64(i)) for i in range(n) if sizes[i] < thresholds[owners[i]]]
    heapify(queue)
    while queue:
        size, region = heappop(queue)
        if parents[region] != region or sizes[region] != size:
            continue
        if size >= thresholds[owners[region]]:
            continue
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
            member = next_member[member]
        best = -1
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
        owners[best] = max(owners[best], owners[region])
        if sizes[best] < thresholds[owners[best]]:
            heappush(queue, (sizes[best], np.int64(best)))
    return parents


@kernel
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
    found = np.empty(n_regions, np.int32)
    for row in range(regions.shape[0]):
        for column in range(regions.shape[1]):
            if regions[row, column] >= 0:
                found[regions[row, column]] = values[row, column]
    return found
