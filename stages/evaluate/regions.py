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

    @property
    def owners(self) -> NDArray[np.int64]:
        """(R,) int64, the region of each run."""
        return np.repeat(np.arange(self.areas.size), np.diff(self.first))

    def sums(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the (n,) int64 sum over each region's runs of (R,) values."""
        summed: NDArray[np.int64] = np.add.reduceat(values, self.first[:-1])
        return summed


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
    starts, stops, first, _, width = regions
    parents = np.arange(starts.size)
    _join_touching(starts, stops, first, width, parents)
    return _group(starts, stops, parents, width)


def painted(regions: Regions) -> NDArray[np.int32]:
    """Return the (N,) int32 region number of each pixel, where regions make up a whole image."""
    order = np.argsort(regions.starts)
    lengths = (regions.stops - regions.starts)[order]
    image: NDArray[np.int32] = np.repeat(regions.owners.astype(np.int32)[order], lengths)
    return image


def _group(
    starts: NDArray[np.int64], stops: NDArray[np.int64], names: NDArray[np.int64], width: int
) -> Regions:
    """Number names by their first run, and bring together the runs of each, in their order."""
    seen = np.full(names.max() + 1, -1, np.int64)
    seen[names[::-1]] = np.arange(names.size)[::-1]
    found = np.flatnonzero(seen >= 0)
    count = found.size
    numbers = np.empty(seen.size, np.int64)
    numbers[found[np.argsort(seen[found])]] = np.arange(count)
    region = numbers[names]
    # Sorted by radix where numbers are short.
    order = np.argsort(region.astype(np.uint16 if count <= 65536 else np.int64), kind="stable")
    starts, stops = starts[order], stops[order]
    first = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(region, minlength=count), out=first[1:])
    return Regions(starts, stops, first, np.add.reduceat(stops - starts, first[:-1]), width)


@kernel("int64[::1], int64[::1], int64[::1], int64, int64[::1]")
def _join_touching(
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    first: NDArray[np.int64],
    width: int,
    parents: NDArray[np.int64],
) -> None:
    """Write for each run the number of the first run of its 8-connected component."""
    for region in range(first.size - 1):
        above = first[region]
        for run in range(first[region], first[region + 1]):
            column = starts[run] % width
            # In the row above, the pixels from one to the left to one to the right, in the image.
            low = starts[run] - width
            if column > 0:
                low -= 1
            high = stops[run] - width
            if column + stops[run] - starts[run] < width:
                high += 1
            while stops[above] <= low:
                above += 1
            touching = above
            while starts[touching] < high:
                a, b = find_root(parents, touching), find_root(parents, run)
                if a < b:
                    parents[b] = a
                else:
                    parents[a] = b
                touching += 1
    for run in range(parents.size):
        parents[run] = parents[parents[run]]
