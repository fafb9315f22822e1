"""Accuracy of a mask of classes against ground truth."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.annotate.votes import Clicks, count_votes
from spam_pipe.stages.describe.numbering import check_fit, number


class Score(NamedTuple):
    """Agreement of a mask with ground truth."""

    pixel_accuracy: float  # share of pixels that have the right class
    mean_iou: float  # intersection over union, mean over the classes of the ground truth


def score(mask: NDArray[np.integer[Any]], truth: NDArray[np.integer[Any]]) -> Score:
    """Compare two maps of classes.

    Parameters
    ----------
    mask
        (H, W) classes, 0 where none is known, which is never right.
    truth
        (H, W) classes, as small as a mask's are; 0 is one that no mask has: its pixels are missed.

    Raises
    ------
    ValueError
        When the shapes differ.
    """
    check_fit("ground truth", truth, mask.astype(np.int32))
    ours, theirs = mask.ravel(), truth.ravel()
    n = int(max(ours.max(), theirs.max())) + 1
    right = (ours == theirs) & (ours > 0)
    common = np.bincount(theirs[right], minlength=n)
    size = np.bincount(theirs, minlength=n)
    union = np.bincount(ours, minlength=n) + size - common
    counted = size > 0
    iou = common[counted] / union[counted]
    return Score(float(right.mean()), float(iou.mean()))


def clicked_truth(regions: NDArray[np.integer[Any]], clicks: Clicks) -> NDArray[np.int64]:
    """Name the regions of a ground truth by the clicks in them.

    Regions and classes may be called anything: what a region is, most clicks in it say.

    Parameters
    ----------
    regions
        (H, W) regions of any numbers.
    clicks
        Inside the image.

    Returns
    -------
    (H, W) int64 classes, 0 in regions without clicks.
    """
    index, ids = number(regions, int(regions.min()))
    said = index[clicks.rows, clicks.columns].astype(np.int64)
    named: NDArray[np.int64] = count_votes(said, clicks.classes).winners(ids.size)[index]
    return named
