"""One-to-one correspondence of contour pixels (Martin et al., PAMI 2004, appendix B)."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

_OUTLIER_FACTOR = 100.0
"""Cost of leaving a pixel unmatched, in units of the largest distance of a match."""


def match_contours(
    detected: NDArray[np.bool_], truth: NDArray[np.bool_], max_distance: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Match contour pixels one to one at the smallest total cost.

    A match costs its distance; an unmatched pixel of either map costs 100 times `max_distance`,
    so that as many as can be are matched.

    Parameters
    ----------
    detected, truth
        (H, W) bool, thin contours.
    max_distance
        Largest distance of a match in pixels.

    Returns
    -------
    Two (H, W) bool maps: the pixels of `detected` and those of `truth` that are matched.
    """
    matched_detected, matched_truth = np.zeros_like(detected), np.zeros_like(truth)
    detected_pixel, truth_pixel, distance = _near_pairs(detected, truth, max_distance)
    if distance.size == 0:
        return matched_detected, matched_truth
    rows_pixel, row = np.unique(detected_pixel, return_inverse=True)
    columns_pixel, column = np.unique(truth_pixel, return_inverse=True)
    n_rows, n_columns = rows_pixel.size, columns_pixel.size
    # Each row has an outlier column of its own. As many truth pixels as detected ones are
    # matched, so that a row's outlier pays for both. One more on every edge of the graph changes
    # no order, for each row has one, and keeps zero distances from being taken for no edge.
    outlier = np.arange(n_rows)
    weights = np.concatenate([distance, np.full(n_rows, 2 * _OUTLIER_FACTOR * max_distance)]) + 1
    graph = csr_array(
        (
            weights,
            (np.concatenate([row, outlier]), np.concatenate([column, n_columns + outlier])),
        ),
        shape=(n_rows, n_columns + n_rows),
    )
    partner = np.asarray(min_weight_full_bipartite_matching(graph)[1])
    inlier = partner < n_columns
    matched_detected.flat[rows_pixel[inlier]] = True
    matched_truth.flat[columns_pixel[partner[inlier]]] = True
    return matched_detected, matched_truth


def _near_pairs(
    detected: NDArray[np.bool_], truth: NDArray[np.bool_], max_distance: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return all pairs of pixels within a distance, as flat indices, and their distances."""
    reach = int(max_distance)
    offsets = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    lengths = np.hypot(*offsets)
    offsets, lengths = offsets[:, lengths <= max_distance], lengths[lengths <= max_distance]
    pixels = np.argwhere(detected)
    near = pixels[:, None, :] + offsets.T
    found = np.pad(truth, reach)[near[..., 0] + reach, near[..., 1] + reach]
    which, offset = np.nonzero(found)
    return (
        np.ravel_multi_index(tuple(pixels[which].T), detected.shape),
        np.ravel_multi_index(tuple(near[which, offset].T), truth.shape),
        lengths[offset],
    )
