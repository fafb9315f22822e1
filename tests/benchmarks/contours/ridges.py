"""Ridges of a soft contour map: non-maximum suppression before contours are measured."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates


def ridges(probability: NDArray[np.floating], scale: float = 2.0) -> NDArray[np.float32]:
    """Keep a contour map's values on its ridges and set the rest to zero (after Canny, 1986).

    A pixel is on a ridge when neither neighbour across the contour, one pixel away and
    interpolated, is larger. "Across" is the direction in which the smoothed map bends most.

    Parameters
    ----------
    probability
        (H, W) in [0, 1].
    scale
        Standard deviation of the smoothing, in pixels, for directions alone.

    Returns
    -------
    (H, W) float32.
    """
    values = probability.astype(np.float32)
    d_rr, d_rc, d_cc = (
        gaussian_filter(values, scale, order=order) for order in ((2, 0), (1, 1), (0, 2))
    )
    # From the row axis to that of the largest curvature; the smallest is a quarter turn further.
    angle = np.arctan2(2 * d_rc, d_rr - d_cc) / 2
    angle += np.where(d_rr + d_cc < 0, np.float32(np.pi / 2), np.float32(0))
    step = np.stack([np.cos(angle), np.sin(angle)])
    here = np.indices(values.shape, np.float32)
    beside = [
        map_coordinates(values, here + sign * step, order=1, mode="nearest") for sign in (-1, 1)
    ]
    return np.where(values >= np.maximum(*beside), values, np.float32(0))
