"""The saliency map of a hierarchy: each border with the altitude at which it goes.

(Najman and Schmitt, "Geodesic saliency of watershed contours and hierarchical segmentation", 1996;
on Khalimsky's grid as in Cousty and Najman, 2011.)
"""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.regions.label_maps import Labels

MOST = 65535


def saliency_map(
    labels: Labels, parents: NDArray[np.int32], altitudes: NDArray[np.float64]
) -> NDArray[np.uint16]:
    """Draw each border of the finest level with the altitude of the merge that removes it.

    Parameters
    ----------
    labels
        (H, W) int32 finest regions 0..n-1; -1 outside.
    parents, altitudes
        (2n - 1,) of the tree.

    Returns
    -------
    (2H - 1, 2W - 1) uint16: pixels at even rows and columns are 0; between two pixels, at an odd
    row or column, 65535 times the share of the highest altitude, rounded, at least 1 where they
    are of different regions, and 0 beside what is outside; at corners the highest of the four
    sides.
    """
    top = altitudes[-1] if altitudes[-1] > 0 else 1.0
    shares = np.maximum(np.rint(altitudes / top * MOST), 1).astype(np.uint16)
    height, width = labels.shape
    drawn = np.zeros((2 * height - 1, 2 * width - 1), np.uint16)
    _draw(np.ascontiguousarray(labels), parents, shares, drawn)
    return drawn


@kernel("int64, int64, int32[::1]")
def _lowest_common(a: int, b: int, parents: NDArray[np.int32]) -> int:
    # Parents come after their children: the lower of two nodes is never above the other.
    while a != b:
        if a < b:
            a = parents[a]
        else:
            b = parents[b]
    return a


@kernel("int32[:, ::1], int32[::1], uint16[::1], uint16[:, ::1]")
def _draw(
    labels: Labels,
    parents: NDArray[np.int32],
    shares: NDArray[np.uint16],
    drawn: NDArray[np.uint16],
) -> None:
    height, width = labels.shape
    for row in range(height):
        for column in range(width):
            here = labels[row, column]
            if here < 0:
                continue
            if column + 1 < width:
                other = labels[row, column + 1]
                if other >= 0 and other != here:
                    node = _lowest_common(here, other, parents)
                    drawn[2 * row, 2 * column + 1] = shares[node]
            if row + 1 < height:
                other = labels[row + 1, column]
                if other >= 0 and other != here:
                    node = _lowest_common(here, other, parents)
                    drawn[2 * row + 1, 2 * column] = shares[node]
    for row in range(1, 2 * height - 1, 2):
        for column in range(1, 2 * width - 1, 2):
            drawn[row, column] = max(
                max(drawn[row - 1, column], drawn[row + 1, column]),
                max(drawn[row, column - 1], drawn[row, column + 1]),
            )
