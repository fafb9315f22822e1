"""Superpixels of a large image, window by window.

Blocks are taken in raster order. Of what a window's segmentation makes, the superpixels that
reach into its core stay, whole; the others are left to later windows, which segment only what is
still free. Borders are thus drawn with a margin of surroundings in sight, each once, and none
follows the blocks.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.regions.connectivity import merge_regions, region_owners, value_of_each
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects
from spam_pipe.stages.segment.large.tiling import Box, cut_into_blocks
from spam_pipe.stages.segment.large.window_objects import recognised

MARGIN = 3
"""Widths of a superpixel that a window sees around its core."""


class Found(NamedTuple):
    """Superpixels of a window."""

    labels: Labels  # (H, W) int32 in 0..n-1, -1 at pixels that were not free; each 4-connected
    # (H, W) int32 that no superpixel crosses, 0 = uncertain. None without a prior.
    objects: Objects | None
    means: NDArray[np.float64] | None = None  # (n, D) features of each, where they are to be known


SegmentWindow = Callable[[Box, NDArray[np.bool_], int], Found]
"""Segments the free pixels of a window, (H, W) bool, into so many superpixels, if it can."""


class Mosaic(NamedTuple):
    """Superpixels of an image."""

    # (H, W) int32 in 0..n-1 in the order of their first pixels, each 4-connected; -1 outside
    labels: Labels
    # (n,) int32 object of each, 0 where all its pixels are uncertain. Objects that windows found
    # for themselves are numbered from 1; one that spans several windows may go by several numbers.
    owners: NDArray[np.int32]
    n_windows: int  # how many it was put together from
    means: NDArray[np.float64] | None  # (n, D) features of each, where windows knew them


def segment_by_windows(
    shape: tuple[int, int],
    n_superpixels: int,
    segment: SegmentWindow,
    *,
    window_pixels: int,
    valid: NDArray[np.bool_] | None = None,
    global_objects: bool = False,
) -> Mosaic:
    """Put an image's superpixels together from those of overlapping windows.

    Parameters
    ----------
    shape
        Height and width.
    n_superpixels
        How many are wanted. Each window is asked for its share of those still missing by its
        share of the pixels still free, so that the total is met unless objects are too many.
    segment
        Segments a window.
    window_pixels
        About how large a window may be.
    valid
        (H, W) bool, False where the image has no data.
    global_objects
        Whether equal numbers of objects mean equal objects in all windows.
    """
    labels = np.full(shape, -1, np.int32)
    owners = [np.zeros(0, np.int32)]
    means = []
    n_free = labels.size if valid is None else int(np.count_nonzero(valid))
    margin = int(np.ceil(MARGIN * np.sqrt(n_free / n_superpixels)))
    blocks = cut_into_blocks(shape, window_pixels, margin)
    n, n_objects = 0, 0
    for block in blocks:
        free = labels[block.window] < 0
        if valid is not None:
            free &= valid[block.window]
        if not free[block.core_in_window].any():
            continue
        n_window = int(np.count_nonzero(free))
        share = max(1, round(max(n_superpixels - n, 0) * n_window / n_free))
        found = segment(block.window, free, min(share, n_window))
        reaching = np.unique(found.labels[block.core_in_window])
        reaching = reaching[reaching >= 0]
        numbers = np.full(int(found.labels.max()) + 2, -1, np.int32)
        numbers[reaching] = np.arange(n, n + reaching.size, dtype=np.int32)
        kept = numbers[found.labels]  # at label -1 the last entry, which is -1
        own = _owners_of(found)[reaching]
        if found.objects is not None and not global_objects:
            known = np.append(np.concatenate(owners), np.int32(0))[labels[block.window]]
            own, n_objects = _numbered(own, recognised(found.objects, known), n_objects)
        owners.append(own)
        if found.means is not None:
            means.append(found.means[reaching])
        labels[block.window] = np.where(kept >= 0, kept, labels[block.window])
        n += reaching.size
        n_free -= int(np.count_nonzero(kept >= 0))
    ordered, order = _in_raster_order(labels, n)
    seen = np.concatenate(means)[order] if means else None
    return Mosaic(ordered, np.concatenate(owners)[order], len(blocks), seen)


def _owners_of(found: Found) -> NDArray[np.int32]:
    n = int(found.labels.max()) + 1
    if found.objects is None:
        return np.zeros(n, np.int32)
    return region_owners(found.labels, n, found.objects)


def _numbered(
    owners: NDArray[np.int32], match: NDArray[np.int64], n_objects: int
) -> tuple[NDArray[np.int32], int]:
    """Give objects their numbers in the whole image: known ones theirs, others the next."""
    numbers = match.astype(np.int32)
    new = np.unique(owners[(owners > 0) & (match[owners] == 0)])
    numbers[new] = np.arange(n_objects + 1, n_objects + 1 + new.size, dtype=np.int32)
    return numbers[owners], n_objects + new.size


def _in_raster_order(labels: Labels, n: int) -> tuple[Labels, NDArray[np.int32]]:
    """Number labels 0..n-1 by their first pixels; also return the number that each had."""
    ordered, _ = merge_regions(labels, np.arange(n, dtype=np.int32))
    return ordered, value_of_each(ordered, n, labels)
