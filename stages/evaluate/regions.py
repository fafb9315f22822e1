"""A label map as horizontal runs of pixels grouped by region; every metric walks over them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.regions.connectivity import find_root
from spam_pipe.stages.validity import check_valid


class Regions(NamedTuple):
    """A partition of an image of `width` columns, or of some of its pixels, into n regions.

    Regions are numbered by their first pixel in raster order, so that figures do not depend on
    the names of the labels, not even by rounding.
    """

    # (R,) int64, the flat indices of each run's first pixel and of the one after its last; no run
    # crosses rows
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    # (n + 1,) int64: region k owns runs ``first[k]`` to ``first[k + 1] - 1``, in raster order
    first: NDArray[np.int64]
    areas: NDArray[np.int64]  # (n,) int64, pixels per region
    width: int  # columns of the image


def regions_of(labels: NDArray[np.integer], valid: NDArray[np.bool_] | None = None) -> Regions:
    """Group a label map's pixels by label.

    Parameters
    ----------
    labels
        (H, W) non-negative integers, gaps allowed. A label is one region, connected or not.
    valid
        (H, W) bool: the pixels that belong to regions; labels elsewhere are ignored. None: all.

    Raises
    ------
    ValueError
        When the map is empty, not two-dimensional, not of integers, or has a negative label; or
        when no pixel is valid.
    """
    if labels.ndim != 2 or labels.size == 0:
        raise ValueError(f"a label map must be a non-empty H×W array, got shape {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise ValueError(
            f"a label map must hold integers, got {labels.dtype} for shape {labels.shape}"
        )
    if valid is not None:
        check_valid(valid, labels.shape)
        labels = np.where(valid, labels, labels.dtype.type(0))
    if labels.dtype.kind == "i" and (lowest := labels.min()) < 0:
        raise ValueError(
            f"labels must not be negative, got {lowest} in the map of shape {labels.shape}"
        )
    begins = np.empty(labels.shape, np.bool_)
    begins[:, 0] = True
    np.not_equal(labels[:, 1:], labels[:, :-1], out=begins[:, 1:])
    if valid is not None:
        begins[:, 1:] |= valid[:, 1:] != valid[:, :-1]
    starts = np.flatnonzero(begins)
    stops = np.append(starts[1:], labels.size)
    if valid is not None:
        kept = valid.ravel()[starts]
        starts, stops = starts[kept], stops[kept]
    names = labels.ravel()[starts]
    if names.max() > 4 * labels.size:  # too sparse to look up in a table
        names = np.unique(names, return_inverse=True)[1]
    return _group(starts, stops, names.astype(np.int64), labels.shape[1])


def components_of(regions: Regions) -> Regions:
    """Split regions into their 8-connected components."""
    return _group(regions.starts, regions.stops, _component_names(regions), regions.width)


@kernel()
def painted(regions: Regions) -> NDArray[np.int32]:
    """Return the (N,) int32 region number of each pixel, where regions make up a whole image."""
    image = np.empty(regions.areas.sum(), np.int32)
    for region in range(regions.areas.size):
        for run in range(regions.first[region], regions.first[region + 1]):
            image[regions.starts[run] : regions.stops[run]] = region
    return image


@kernel()
def _group(
    starts: NDArray[np.int64], stops: NDArray[np.int64], names: NDArray[np.int64], width: int
) -> Regions:
    number = np.full(names.max() + 1, -1, np.int64)
    count = 0
    for name in names:
        if number[name] < 0:
            number[name] = count
            count += 1
    first = np.zeros(count + 1, np.int64)
    for name in names:
        first[number[name] + 1] += 1
    first = np.cumsum(first)
    place = first[:-1].copy()
    grouped_starts, grouped_stops = np.empty_like(starts), np.empty_like(stops)
    areas = np.zeros(count, np.int64)
    for run in range(names.size):
        region = number[names[run]]
        grouped_starts[place[region]] = starts[run]
        grouped_stops[place[region]] = stops[run]
        place[region] += 1
        areas[region] += stops[run] - starts[run]
    return Regions(grouped_starts, grouped_stops, first, areas, width)


@kernel()
def _component_names(regions: Regions) -> NDArray[np.int64]:
    """Return per run the number of the first run of its 8-connected component."""
    starts, stops, width = regions.starts, regions.stops, regions.width
    parent = np.arange(starts.size)
    for region in range(regions.areas.size):
        above = regions.first[region]
        for run in range(regions.first[region], regions.first[region + 1]):
            column = starts[run] % width
            # In the row above, the pixels from one to the left to one to the right, in the image.
            low = starts[run] - width - min(column, 1)
            high = stops[run] - width + min(width - (column + stops[run] - starts[run]), 1)
            while stops[above] <= low:
                above += 1
            touching = above
            while starts[touching] < high:
                a, b = find_root(parent, touching), find_root(parent, run)
                parent[max(a, b)] = min(a, b)
                touching += 1
    for run in range(parent.size):
        parent[run] = parent[parent[run]]
    return parent
