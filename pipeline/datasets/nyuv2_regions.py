"""From NYUv2's class and instance labels to a ground truth partition without thin gaps."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

GAP_RADIUS = 5
"""Radius in pixels of the disk that closes the labelled area."""

HOLE_AREA = 500
"""Unlabelled areas below this many pixels are filled."""

MARGIN = 16
"""Pixels cut from every side of image and ground truth: 480×640 becomes 448×608."""

_ROUNDS = 100
_WHITE = 253


def region_map(
    labels: NDArray[Any], instances: NDArray[Any], frame: NDArray[np.bool_]
) -> NDArray[np.uint32]:
    """Return the regions of one image, not yet cropped.

    Parameters
    ----------
    labels, instances
        (H, W) integers: class of each pixel, 0 = unlabelled, and number within the class.
    frame
        (H, W): pixels of the white frame, which stays unlabelled.

    Returns
    -------
    (H, W) uint32; instance · 1000 + label, 0 where unlabelled.
    """
    regions = instances.astype(np.int64) * 1000 + labels
    regions[(labels == 0) | frame] = 0
    return fill_gaps(regions, fillable(regions > 0) & ~frame).astype(np.uint32)


def fillable(labelled: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the foreground: labelled pixels, the gaps between them and small holes.

    The labelled pixels are closed with a disk of radius `GAP_RADIUS`; 4-connected components
    of the rest that are smaller than `HOLE_AREA` are added.
    """
    from scipy.ndimage import label
    from skimage.morphology import isotropic_closing

    if not labelled.any():
        return labelled
    foreground: NDArray[np.bool_] = isotropic_closing(labelled, GAP_RADIUS)
    holes, _ = label(~foreground)
    small = np.bincount(holes.ravel()) < HOLE_AREA
    small[0] = True  # the foreground itself
    return np.asarray(small[holes])


def fill_gaps(regions: NDArray[np.int64], foreground: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Give unlabelled foreground pixels the median region of their 5×5 window, round by round.

    Only labelled pixels count for the median; of an even number the lower of the two middle ones
    is taken, so that it is always a region that is there. Up to 100 rounds, all pixels at once.
    """
    padded = np.pad(regions, 2)
    width = padded.shape[1]
    flat = padded.ravel()
    window = (np.arange(-2, 3)[:, None] * width + np.arange(-2, 3)).ravel()
    open_pixels = np.flatnonzero(np.pad(foreground & (regions == 0), 2))
    for _ in range(_ROUNDS):
        values = flat[open_pixels[:, None] + window]
        known = np.count_nonzero(values, axis=1)
        reached = known > 0
        if not reached.any():
            break
        # Zeros sort first, so that the known ones are the last.
        ranked = np.sort(values[reached], axis=1)
        middle = 25 - known[reached] + (known[reached] - 1) // 2
        flat[open_pixels[reached]] = np.take_along_axis(ranked, middle[:, None], axis=1)[:, 0]
        open_pixels = open_pixels[~reached]
    return padded[2:-2, 2:-2]


def near_white(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where an (..., 3) uint8 image is at least 253 in grey (ITU-R BT.601 luma)."""
    luma = image.astype(np.int64) @ np.array([299, 587, 114])
    return np.asarray((luma + 500) // 1000 >= _WHITE)


def crop(array: NDArray[Any]) -> NDArray[Any]:
    """Cut the margin from every side of an (H, W, …) array."""
    return np.ascontiguousarray(array[MARGIN:-MARGIN, MARGIN:-MARGIN])
