"""The prior's objects at each level: fewer regions, fewer objects, each a union of finer ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.base import Arrays
from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.prior.config import CutConfig
from spam_pipe.stages.prior.cut import contour_of, cut_objects, groups_below
from spam_pipe.stages.regions.adjacency import borders, bridged
from spam_pipe.stages.regions.connectivity import (
    absorb_small,
    connected_components,
    region_owners,
)
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.merge_tree import linkage


@dataclass(frozen=True, eq=False)
class Prior:
    """Objects and their merge tree, as the prior stage makes them.

    Attributes
    ----------
    objects
        (H, W) ids 1..n, 0 = uncertain.
    parents, altitudes
        (2n - 1,): node i < n is object i + 1, the others are merges in order.
    contour
        (H, W) float32 contour probability in 0..1, where there is one.
    """

    objects: NDArray[np.unsignedinteger[Any]]
    parents: NDArray[np.int32]
    altitudes: NDArray[np.float32]
    contour: NDArray[np.float32] | None = None


def prior_of(found: Arrays, valid: NDArray[np.bool_] | None = None) -> Prior | None:
    """Return what the prior stage found, of the valid pixels alone; None where that is nothing."""
    if "objects" not in found:
        return None
    objects = found["objects"]
    if valid is not None:
        objects = np.where(valid, objects, objects.dtype.type(0))
    if not objects.any():
        return None
    return Prior(objects, found["parents"], found["altitudes"], contour_of(found))


@dataclass(frozen=True, eq=False)
class Cut:
    """A prior's objects at a level.

    Attributes
    ----------
    objects
        (H, W) int32 ids 1..m, 0 = uncertain.
    mapping
        (n + 1,) int32 from the prior's ids to these; 0 stays 0.
    """

    objects: NDArray[np.int32]
    mapping: NDArray[np.int32]


def nested_cuts(prior: Prior, counts: Sequence[int], config: CutConfig) -> Iterator[Cut]:
    """Cut a prior's tree for rising numbers of superpixels, each cut within the one before.

    The first is `stages.prior.cut.cut_objects`'. In the later ones neighbours within
    an object of the cut before are told apart where their common border is strong: its mean
    contour is at least halfway between tau and certainty. Weaker ones cost shape and buy no
    accuracy, because superpixels are so small by then that they find the borders by themselves.

    Parameters
    ----------
    prior
        Objects 1..n and their tree.
    counts
        Numbers of superpixels, rising.
    config
        rho and tau.
    """
    n = (len(prior.parents) + 1) // 2
    objects, mapping = cut_objects(
        prior.objects,
        prior.parents,
        prior.altitudes,
        prior.contour,
        counts[0],
        config.rho,
        config.tau,
    )
    yield Cut(objects.astype(np.int32), mapping)
    for count in counts[1:]:
        within = mapping
        kept = min(n, max(1, int(config.rho * count + 1e-9)))
        # A coarser cut's object may be weakly bordered parts of several branches of the tree:
        # no part of a finer cut reaches beyond it, whatever the tree says.
        mapping = _intersected(groups_below(prior.parents, 2 * n - kept), within)
        if prior.contour is not None and config.tau > 0:
            mapping = _merge_weak_within(prior, mapping, within, (1 + config.tau) / 2)
        yield Cut(mapping[prior.objects], mapping)


def coarser_groups(prior: Prior, cut: Cut, n_superpixels: int, rho: float) -> NDArray[np.int32]:
    """Join a cut's objects that the tree joins at a smaller number of superpixels.

    Returns
    -------
    (m + 1,) int32 group of each object 1..m of the cut; 0, that of what is of none, is 0.
    """
    n = (len(prior.parents) + 1) // 2
    kept = min(n, max(1, int(rho * n_superpixels + 1e-9)))
    return _joined(cut.mapping, groups_below(prior.parents, 2 * n - kept))


def pieces_of(objects: NDArray[np.int32], coarser: NDArray[np.int32]) -> NDArray[np.int32]:
    """Intersect objects with the regions of a coarser level.

    Uncertain pixels go to the nearest object that their region has; where it has none they are
    a piece of their own.

    Parameters
    ----------
    objects
        (H, W) int32 ids from 1, 0 = uncertain.
    coarser
        (H, W) int32 regions 0..n-1; -1 outside.

    Returns
    -------
    (H, W) int32 pieces from 1, with gaps in their numbers; 0 outside.

    Raises
    ------
    ValueError
        When there are more pairs of an object and a region than numbers.
    """
    n_objects = int(objects.max()) + 1
    if n_objects * (int(coarser.max()) + 1) > np.iinfo(np.int32).max:
        raise ValueError(
            f"{n_objects:,} objects in {int(coarser.max()) + 1:,} superpixels are too many to be "
            "told apart: ask for a coarser finest level or fewer objects"
        )
    pieces = np.where(coarser < 0, np.int32(0), coarser * np.int32(n_objects) + objects + 1)
    uncertain = np.flatnonzero((objects == 0) & (coarser >= 0))
    if uncertain.size:
        still_open = np.zeros(objects.size, np.bool_)
        still_open[uncertain] = True
        _flood_within(
            pieces,
            np.ascontiguousarray(coarser),
            uncertain,
            still_open,
            np.empty(uncertain.size, np.int64),
            np.empty(uncertain.size, np.int32),
        )
    return pieces


def snapped(labels: Labels, cut: Cut, least: float) -> Labels:
    """Move labels' borders onto those of finer objects where they run beside them.

    What a finer object cuts off from a label and is smaller than `least` goes to the label beside
    it in the same object; else it would have to be a superpixel of its own in finer levels.

    Parameters
    ----------
    labels
        (H, W) int32 0..K-1, connected or not; -1 outside.
    cut
        The finest objects.
    least
        Pixels.

    Returns
    -------
    (H, W) int32 of the same labels, some of which may have no pixel left.
    """
    parts, n = connected_components(
        np.where(labels < 0, np.int32(-1), pieces_of(cut.objects, labels))
    )
    owners = region_owners(parts, n, cut.objects)
    # Parts that are uncertain throughout stay as they are, each an object of its own.
    n_objects = int(cut.mapping.max())
    alone = np.flatnonzero(owners == 0)
    owners[alone] = n_objects + 1 + np.arange(alone.size)
    merged, n = absorb_small(parts, n, owners, np.full(n_objects + 1 + alone.size, least))
    inside = merged >= 0
    n_labels = int(labels.max()) + 1
    keys = merged[inside].astype(np.int64) * n_labels + labels[inside]
    found, counts = np.unique(keys, return_counts=True)
    # The label with the most pixels comes last in each merged part, of equal ones the lowest.
    order = np.lexsort((-found, counts, found // n_labels))
    most = np.empty(n, np.int32)
    most[found[order] // n_labels] = found[order] % n_labels
    return np.where(inside, most[merged], np.int32(-1))


def _intersected(mapping: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.int32]:
    """Number the common parts of two partitions of the objects, by the smallest object of each."""
    key = mapping[1:].astype(np.int64) * (int(other.max()) + 1) + other[1:]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(1, len(first) + 1)
    return np.concatenate([np.zeros(1, np.int32), rank[inverse]])


def _merge_weak_within(
    prior: Prior, mapping: NDArray[np.int32], within: NDArray[np.int32], least: float
) -> NDArray[np.int32]:
    """Merge neighbours of one coarser object while their weakest mean contour is below `least`."""
    assert prior.contour is not None
    n = int(mapping.max())
    if n == 1:
        return mapping
    found = borders(bridged(mapping[prior.objects]), prior.contour)
    group = np.zeros(n + 1, np.int32)
    group[mapping[1:]] = within[1:]
    # Borders between groups are out of reach: averages never mix them with those inside.
    between = group[found.first] != group[found.second]
    parents, altitudes = linkage(replace(found, strength=found.strength + 2 * between), n)
    n_weak = int(np.searchsorted(altitudes[n:], least))
    return groups_below(parents, n + n_weak)[mapping]


def _joined(mapping: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.int32]:
    """Join the groups of `mapping` that have members in one group of `other`."""
    root = np.arange(mapping.max() + 1, dtype=np.int32)
    _join(mapping, other, root, np.zeros(other.max() + 1, np.int32))
    return root


@kernel("int32[::1], int32[::1], int32[::1], int32[::1]")
def _join(
    mapping: NDArray[np.int32],
    other: NDArray[np.int32],
    root: NDArray[np.int32],
    seen: NDArray[np.int32],
) -> None:
    """Point each group, in place, to the lowest that it is joined with; `seen` is all zero."""
    for member in range(1, mapping.size):
        a = mapping[member]
        while root[a] != a:
            a = root[a]
        b = seen[other[member]]
        if b == 0:
            seen[other[member]] = a
            continue
        while root[b] != b:
            b = root[b]
        root[max(a, b)] = min(a, b)
    for group in range(1, root.size):
        root[group] = root[root[group]]


@kernel("int32[:, ::1], int32[:, ::1], int64[::1], boolean[::1], int64[::1], int32[::1]")
def _flood_within(
    pieces: NDArray[np.int32],
    coarser: NDArray[np.int32],
    pixels: NDArray[np.int64],
    still_open: NDArray[np.bool_],
    front: NDArray[np.int64],
    taken: NDArray[np.int32],
) -> None:
    """Give uncertain pixels, in place, to the piece that reaches them first in their region.

    `front` and `taken` are room for so many pixels.
    """
    height, width = pieces.shape
    flat, region = pieces.reshape(-1), coarser.reshape(-1)
    n_open = pixels.size
    while n_open > 0:
        n = 0
        # Pixels that stay open move to the front: each round looks at these alone.
        n_left = 0
        for i in range(n_open):
            pixel = pixels[i]
            row, column = pixel // width, pixel % width
            found = np.int64(-1)
            for step in range(4):
                r = row + (step == 3) - (step == 0)
                c = column + (step == 2) - (step == 1)
                if r < 0 or r == height or c < 0 or c == width:
                    continue
                other = r * width + c
                if region[other] == region[pixel] and not still_open[other]:
                    found = other
                    break
            if found < 0:
                pixels[n_left] = pixel
                n_left += 1
            else:
                front[n] = pixel
                taken[n] = flat[found]
                n += 1
        if n == 0:
            break
        for k in range(n):
            flat[front[k]] = taken[k]
            still_open[front[k]] = False
        n_open = n_left
