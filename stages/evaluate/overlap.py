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
    best, leaking = _overlap_sums(regions, truth, n_truth)
    pixels = int(regions.areas.sum())
    return Overlap(best / pixels, (pixels - best) / pixels, leaking / pixels)


@kernel()
def _overlap_sums(regions: Regions, truth: NDArray[np.int32], n_truth: int) -> tuple[int, int]:
    """Walk the contingency table row by row, so that it is never held as a whole."""
    shared = np.zeros(n_truth, np.int64)
    touched = np.empty(n_truth, np.int64)
    best = leaking = 0
    for region in range(regions.areas.size):
        n_touched = 0
        for run in range(regions.first[region], regions.first[region + 1]):
            pixel, stop = regions.starts[run], regions.stops[run]
            while pixel < stop:
                begin, other = pixel, truth[pixel]
                while pixel < stop and truth[pixel] == other:
                    pixel += 1
                if shared[other] == 0:
                    touched[n_touched] = other
                    n_touched += 1
                shared[other] += pixel - begin
        largest = 0
        for other in touched[:n_touched]:
            largest = max(largest, shared[other])
            leaking += min(shared[other], regions.areas[region] - shared[other])
            shared[other] = 0
        best += largest
    return best, leaking
