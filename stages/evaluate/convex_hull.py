"""Pixels in the convex hull of a shape, in exact integer arithmetic."""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel


def hull_rows(
    left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and last column inside or on the hull of the pixel centres, row by row.

    A hull whose every row holds a pixel of the shape is bounded by the convex minorant of the
    first columns and the concave majorant of the last ones.

    Parameters
    ----------
    left, right
        (h,) int64, the first and last column of the shape in each of its rows.

    Returns
    -------
    Two arrays like `left`; all pixels between them are in the hull.
    """
    return convex_minorant(left), -convex_minorant(-right)


def convex_minorant(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the greatest convex sequence that is nowhere above `values`, rounded up.

    Parameters
    ----------
    values
        (h,) int64, magnitudes and h below 2³¹.
    """
    minorant = np.empty_like(values)
    bound(np.ascontiguousarray(values), values.size, np.empty(values.size, np.int64), minorant)
    return minorant


@kernel("int64[::1], int64, int64[::1], int64[::1]")
def bound(
    values: NDArray[np.int64], n: int, corners: NDArray[np.int64], minorant: NDArray[np.int64]
) -> None:
    """Write the minorant of the first n values; `corners` is room to work in."""
    count = 0
    for i in range(n):
        while count >= 2:
            a, b = corners[count - 2], corners[count - 1]
            if (values[b] - values[a]) * (i - a) < (values[i] - values[a]) * (b - a):
                break
            count -= 1
        corners[count] = i
        count += 1
    minorant[0] = values[0]
    for corner in range(1, count):
        a, b = corners[corner - 1], corners[corner]
        rise = values[b] - values[a]
        minorant[b] = values[b]
        for i in range(a + 1, b):
            minorant[i] = values[a] - (-rise * (i - a)) // (b - a)
