"""Boundary recall, boundary precision and contour density (Stutz et al., CVIU 2018)."""

import math

import numpy as np
from numpy.typing import NDArray


def boundary_map(
    labels: NDArray[np.integer], valid: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Mark the pixels that have a 4-neighbour with another label.

    Lines are two pixels thick. Neither the image's frame nor pixels without data make a boundary.

    Parameters
    ----------
    labels
        (H, W) integers.
    valid
        (H, W) bool, False where there is no data; None where all pixels count.

    Returns
    -------
    (H, W) bool.
    """
    boundary = np.zeros(labels.shape, np.bool_)
    beside = labels[:, 1:] != labels[:, :-1]
    below = labels[1:] != labels[:-1]
    if valid is not None:
        beside &= valid[:, 1:] & valid[:, :-1]
        below &= valid[1:] & valid[:-1]
    boundary[:, 1:] = beside
    boundary[:, :-1] |= beside
    boundary[1:] |= below
    boundary[:-1] |= below
    return boundary


def tolerance_radius(shape: tuple[int, int], tolerance: float) -> int:
    """Return the tolerance, a share of the image's diagonal, in pixels, halves rounded up."""
    return math.floor(tolerance * math.hypot(*shape) + 0.5)


def dilated(boundary: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Mark the pixels with a boundary pixel in the square of side 2·radius + 1 around them."""
    grown = boundary
    for axis in (0, 1):
        lines = np.moveaxis(grown, axis, 0)
        out = grown.copy()
        grown_lines = np.moveaxis(out, axis, 0)
        for shift in range(1, min(radius, len(lines) - 1) + 1):
            grown_lines[shift:] |= lines[:-shift]
            grown_lines[:-shift] |= lines[shift:]
        grown = out
    return grown


def boundary_recall_precision(
    boundary: NDArray[np.bool_],
    boundary_dilated: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    truth_dilated: NDArray[np.bool_],
) -> tuple[float | None, float | None]:
    """Compare superpixel boundaries with one annotator's.

    True positives are ground-truth boundary pixels near a superpixel boundary; both figures count
    them, so that recall = TP / (TP + FN) and precision = TP / (TP + FP), false positives being
    superpixel boundary pixels far from the ground truth's.

    Parameters
    ----------
    boundary, truth
        (H, W) bool, boundary pixels of the superpixels and of the ground truth.
    boundary_dilated, truth_dilated
        The same, dilated by the tolerance.

    Returns
    -------
    Recall and precision in [0, 1]; None where a denominator is 0, as recall is of a ground truth
    of one region.
    """
    hits = int(np.count_nonzero(truth & boundary_dilated))
    wanted = int(np.count_nonzero(truth))
    false = int(np.count_nonzero(boundary & ~truth_dilated))
    recall = hits / wanted if wanted else None
    return recall, hits / (hits + false) if hits + false else None


def contour_density(boundary: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None) -> float:
    """Return the share of (valid) pixels on a superpixel boundary, in [0, 1]."""
    n_pixels = boundary.size if valid is None else np.count_nonzero(valid)
    return np.count_nonzero(boundary) / n_pixels
