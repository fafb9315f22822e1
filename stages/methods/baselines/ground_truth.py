"""Superpixels made from the annotations themselves: how accurate the protocol lets any be."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.exact_count import split_to_count
from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.methods.baselines.numbering import number_labels
from spam_pipe.stages.regions.connectivity import (
    adjacent_pairs,
    connected_components,
    count_labels,
    find_root,
    merge_regions,
    neighbour_lists,
)
from spam_pipe.stages.regions.label_maps import Index, Labels
from spam_pipe.stages.scene import Scene, Segmentation

if TYPE_CHECKING:
    from spam_pipe.stages.methods.config import SegmentConfig


def ground_truth(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Make superpixels that no annotator's border crosses, as far as their number allows.

    The connected pieces between all annotators' borders have ASA 1. While there are more than
    wanted, the two neighbours are merged that cost least accuracy; while fewer, the largest is
    split. The result is near the best ASA that any K superpixels can reach, not proven to be.

    Raises
    ------
    ValueError
        When the image has no annotation.
    """
    if not scene.annotations:
        raise ValueError("method ground-truth needs ground truth, and this image has none")
    height, width = scene.image.shape[:2]
    for annotation in scene.annotations:
        if annotation.shape != (height, width):
            raise ValueError(
                f"the ground truth is {annotation.shape} where the image is {(height, width)}"
            )
    pieces, n = annotated_pieces(scene.annotations, scene.valid)
    regions, n = merge_pieces(pieces, n, scene.annotations, n_superpixels)
    return Segmentation(split_to_count(regions, n, n_superpixels)[0])


def annotated_pieces(
    annotations: tuple[NDArray[np.integer], ...], valid: NDArray[np.bool_] | None = None
) -> tuple[Labels, int]:
    """Return the 4-connected pieces that lie in one region of every annotator, and how many.

    Pixels that aren't valid are in none (-1).
    """
    pieces = np.zeros(annotations[0].shape, np.int32)
    for annotation in annotations:
        regions, n_regions = number_labels(annotation)
        pieces, _ = number_labels(pieces.astype(np.int64) * n_regions + regions)
    if valid is not None:
        pieces[~valid] = -1
    return connected_components(pieces)


def merge_pieces(
    pieces: Labels, n_pieces: int, annotations: tuple[NDArray[np.integer], ...], n_wanted: int
) -> tuple[Labels, int]:
    """Merge neighbours until few enough are left, those first that cost least accuracy.

    The smaller of the two is then counted to the regions of the larger: it costs its pixels, once
    for each annotator who tells the two apart.

    Parameters
    ----------
    pieces
        (H, W) int32 4-connected regions 0..n_pieces-1, none in two regions of an annotator; -1
        outside.
    n_pieces, n_wanted
        How many there are, and how many to come down to.
    annotations
        (H, W) integers per annotator.

    Returns
    -------
    The (H, W) int32 regions 0..m-1, and m.
    """
    if n_pieces <= n_wanted:
        return pieces, n_pieces
    _, first = np.unique(pieces, return_index=True)
    first = first[-n_pieces:]
    regions = np.stack([each.ravel()[first].astype(np.int64) for each in annotations], axis=1)
    areas = count_labels(pieces.ravel(), n_pieces)
    pairs, _ = adjacent_pairs(pieces, n_pieces)
    starts, neighbours, _ = neighbour_lists(pairs, n_pieces)
    parents = _merge(pairs, starts, neighbours, regions, areas, n_pieces - n_wanted)
    return merge_regions(pieces, parents)


@kernel()
def _cost(regions: NDArray[np.int64], areas: NDArray[np.int64], a: Index, b: Index) -> int:
    cost = 0
    for annotator in range(regions.shape[1]):
        if regions[a, annotator] != regions[b, annotator]:
            cost += min(areas[a], areas[b])
    return cost


@kernel()
def _merge(
    pairs: NDArray[np.int32],
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    regions: NDArray[np.int64],
    areas: NDArray[np.int64],
    n_merges: int,
) -> NDArray[np.int32]:
    """Return the (n,) int32 union-find forest after so many merges."""
    n = areas.size
    areas = areas.copy()
    parents = np.arange(n).astype(np.int32)
    # The pieces of a set form a list, so that its neighbours are found without merging lists.
    next_member = np.full(n, -1, np.int32)
    last_member = np.arange(n).astype(np.int32)
    queue = [
        (_cost(regions, areas, a, b), areas[a] + areas[b], np.int32(a), np.int32(b))
        for a, b in pairs
    ]
    heapify(queue)
    while n_merges > 0 and len(queue) > 0:
        _, total, a, b = heappop(queue)
        # Areas only grow: an entry is out of date if their sum is no longer what it was.
        if parents[a] != a or parents[b] != b or areas[a] + areas[b] != total:
            continue
        if areas[a] < areas[b] or (areas[a] == areas[b] and b < a):
            a, b = b, a
        areas[a] = total
        parents[b] = a
        next_member[last_member[a]] = b
        last_member[a] = last_member[b]
        n_merges -= 1
        member = a
        while member >= 0:
            for k in range(starts[member], starts[member + 1]):
                other = np.int32(find_root(parents, neighbours[k]))
                if other != a:
                    low, high = min(a, other), max(a, other)
                    cost = _cost(regions, areas, low, high)
                    heappush(queue, (cost, areas[low] + areas[high], low, high))
            member = next_member[member]
    return parents
