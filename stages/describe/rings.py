"""The borders of regions as rings of pixel corners.

A ring runs along pixel sides with its region on the left (of an observer on the x, y plane; x is
the column, y the row). Where a region touches itself at a corner it stays with its own pixel, so
that regions are 4-connected, and a ring that comes back to a corner is cut there, so that every
ring is simple.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel, part, record
from spam_pipe.stages.describe.numbering import Index
from spam_pipe.stages.describe.shapes import sides


class Rings(NamedTuple):
    """Closed rings."""

    # (V, 2) int32 pixel corners x, y; each ring's first one again at its end. A corner stands where
    # the ring turns and where three or more borders meet, so that two regions hold the same corners
    # along their common border.
    corners: NDArray[np.int32]
    offsets: NDArray[np.int64]  # (R + 1,) int64: ring r is corners offsets[r] to offsets[r + 1] - 1
    region: NDArray[np.int32]  # (R,) int32, the region on the left
    is_hole: NDArray[np.bool_]  # (R,) bool: the ring goes around what is not in its region


def grouped(rings: Rings) -> Rings:
    """Order rings by region, each region's outer ring before its holes."""
    order = np.lexsort((rings.is_hole, rings.region))
    lengths = np.diff(rings.offsets)[order]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    source = np.repeat(rings.offsets[:-1][order] - offsets[:-1], lengths) + np.arange(offsets[-1])
    return Rings(rings.corners[source], offsets, rings.region[order], rings.is_hole[order])


def trace(regions: Index) -> Rings:
    """Trace all rings of 4-connected regions.

    Parameters
    ----------
    regions
        (H, W) int32, each value from 0 one 4-connected region; negative is outside.
    """
    height, width = regions.shape
    index = np.ascontiguousarray(np.maximum(regions, -1), np.int32)
    above = np.pad(index[:-1], ((1, 0), (0, 0)), constant_values=-1)
    most_rings = int(np.count_nonzero((index >= 0) & (index != above)))
    most_corners = int(sides(index, int(index.max(initial=-1)) + 1).sum()) + most_rings
    rings = Rings(
        np.empty((most_corners, 2), np.int32),
        np.zeros(most_rings + 1, np.int64),
        np.empty(most_rings, np.int32),
        np.empty(most_rings, np.bool_),
    )
    path = np.empty((most_corners, 2), np.int32)
    place = np.full((height + 1, width + 1), -1, np.int32)
    n_rings = _walk(index, rings, path, place, np.zeros((height, width), np.bool_))
    return Rings(
        rings.corners[: rings.offsets[n_rings]].copy(),
        rings.offsets[: n_rings + 1].copy(),
        rings.region[:n_rings].copy(),
        rings.is_hole[:n_rings].copy(),
    )


@kernel(
    (
        *("int32[:, ::1]", record(Rings, "int32[:, ::1], int64[::1], int32[::1], boolean[::1]")),
        "int32[:, ::1], int32[:, ::1], boolean[:, ::1]",
    )
)
def _walk(
    regions: Index,
    rings: Rings,
    path: NDArray[np.int32],
    place: NDArray[np.int32],
    seen: NDArray[np.bool_],
) -> int:
    """Write all rings and return how many there are.

    `path` is room for the ring at hand; `place`, all -1, says where in the path a corner lies to
    which the ring may come back; `seen` marks the upper sides that were walked along.
    """
    corners, offsets, region, is_hole = rings
    height, width = regions.shape
    n_corners, n_rings = 0, 0
    for row in range(height):
        for column in range(width):
            own = regions[row, column]
            if own < 0 or seen[row, column] or _at(regions, row - 1, column) == own:
                continue
            x, y, direction = column, row, 0
            path[0, 0] = x
            path[0, 1] = y
            place[y, x] = 0
            length = 1
            while True:
                if direction == 0:
                    seen[y, x] = True
                x += (direction == 0) - (direction == 2)
                y += (direction == 1) - (direction == 3)
                turn, meeting, touching = _corner(regions, x, y, direction, own)
                direction = (direction + turn) % 4
                if place[y, x] >= 0:
                    start = place[y, x]
                    doubled_area = np.int64(0)
                    for i in range(start, length):
                        following = start if i + 1 == length else i + 1
                        doubled_area += np.int64(path[i, 0]) * path[following, 1]
                        doubled_area -= np.int64(path[following, 0]) * path[i, 1]
                        corners[n_corners, 0] = path[i, 0]
                        corners[n_corners, 1] = path[i, 1]
                        n_corners += 1
                        if i > start:
                            place[path[i, 1], path[i, 0]] = -1
                    corners[n_corners, 0] = path[start, 0]
                    corners[n_corners, 1] = path[start, 1]
                    n_corners += 1
                    region[n_rings] = own
                    is_hole[n_rings] = doubled_area < 0
                    n_rings += 1
                    offsets[n_rings] = n_corners
                    length = start + 1
                    if x == column and y == row and direction == 0:
                        place[y, x] = -1
                        break
                elif turn != 0 or meeting:
                    path[length, 0] = x
                    path[length, 1] = y
                    if touching:
                        place[y, x] = length
                    length += 1
    return n_rings


@part
def _at(regions: Index, row: int, column: int) -> np.int64:
    """Return the region of a pixel, -1 outside of the image."""
    height, width = regions.shape
    if row < 0 or column < 0 or row >= height or column >= width:
        return np.int64(-1)
    return np.int64(regions[row, column])


@part
def _corner(regions: Index, x: int, y: int, direction: int, own: int) -> tuple[int, bool, bool]:
    """Look around at a corner that a ring has come to.

    Returns
    -------
    The turn, 1 = left, 0 = none, -1 = right; whether three or more borders meet; and whether the
    ring's region touches itself there.
    """
    a, b = _at(regions, y - 1, x - 1), _at(regions, y - 1, x)
    c, d = _at(regions, y, x - 1), _at(regions, y, x)
    # The pixels ahead, on the left and on the right.
    if direction == 0:
        left, right = d, b
    elif direction == 1:
        left, right = c, d
    elif direction == 2:
        left, right = a, c
    else:
        left, right = b, a
    turn = 1 if left != own else (0 if right != own else -1)
    meeting = (a != b) + (b != d) + (d != c) + (c != a) > 2
    touching = meeting and ((a == d and a == own) or (b == c and b == own))
    return turn, meeting, touching
