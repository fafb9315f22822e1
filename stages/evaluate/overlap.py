"""Overlap with ground-truth regions: achievable segmentation accuracy and undersegmentation."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.evaluate.regions import Regions


class Overlap(NamedTuple):
    """Fit of superpixels into one annotator's regions."""

    # achievable segmentation accuracy in (0, 1]: the share of pixels labelled right when each
    # superpixel takes the region that it overlaps most (Liu et al., CVPR 2011)
    asa: float
    ue: float  # undersegmentation error, 1 - asa
    # undersegmentation error of Neubert and Protzel (2012), in [0, 1]: over all overlapping pairs,
    # the smaller of the parts inside and outside of the region, by the number of pixels
    ue_np: float


def overlap(regions: Regions, truth: NDArray[np.int32], n_truth: int) -> Overlap:
    """Compare superpixels with one annotator's regions.

    Parameters
    ----------
    regions
        The superpixels.
    truth
        (N,) int32, the ground-truth region of each pixel of the image, 0 to n_truth - 1. Only
        pixels of superpixels count.
    n_truth
        Number of ground-truth regions.
    """
    room = np.zeros((2, n_truth), np.int64)
    found = np.zeros(2, np.int64)
    _sum_overlaps(*regions[:4], truth, room, found)
    best, leaking = found.tolist()
    pixels = int(regions.areas.sum())
    return Overlap(best / pixels, (pixels - best) / pixels, leaking / pixels)


@kernel("int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], int64[:, ::1], int64[::1]")
def _sum_overlaps(
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    first: NDArray[np.int64],
    areas: NDArray[np.int64],
    truth: NDArray[np.int32],
    room: NDArray[np.int64],
    found: NDArray[np.int64],
) -> None:
    """Add up largest overlaps and leaks, row by row of the contingency table.

    `room`, all zero, holds a row, so that the table is never held as a whole.
    """
    shared, touched = room[0], room[1]
    for region in range(first.size - 1):
        n_touched = 0
        for run in range(first[region], first[region + 1]):
            pixel, stop = starts[run], stops[run]
            while pixel < stop:
                begin, other = pixel, truth[pixel]
                while pixel < stop and truth[pixel] == other:
                    pixel += 1
                if shared[other] == 0:
                    touched[n_touched] = other
                    n_touched += 1
                shared[other] += pixel - begin
        largest = np.int64(0)
        for k in range(n_touched):
            inside = shared[touched[k]]
            outside = areas[region] - inside
            largest = inside if inside > largest else largest
            found[1] += inside if inside < outside else outside
            shared[touched[k]] = 0
        found[0] += largest
