"""Each pixel's nearest seed, and k-means on positions built on it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.seeds import Counts, Positions
from spam_pipe.stages.compiled import kernel, record
from spam_pipe.stages.regions.label_maps import Index, Labels
from spam_pipe.stages.regions.objects import Objects
from spam_pipe.stages.sharing import share_out

_FEW = 24
"""An object with at most so many seeds is searched whole: cheaper than walking the grid."""
_BLOCK = 16
"""Side of the blocks of pixels that are searched together: a vector's width."""
_FAR = np.int32(-2)
"""Marks pixels whose seed is farther than a block looks."""
_NONE, _INFINITE = np.int32(-1), np.float32(np.inf)


class _Seeds(NamedTuple):
    """Seeds, and the cells of a grid in which they lie."""

    positions: NDArray[np.float32]  # (K, 2) rows and columns
    owners: NDArray[np.int32]  # (K,) object of each
    offsets: NDArray[np.int64]  # (n + 1,) the first seed of each object
    order: NDArray[np.int32]  # (K,) the seeds, cell by cell
    starts: NDArray[np.int64]  # the first place of each cell in `order`
    cell: np.float32  # side of a cell in pixels
    n_columns: int  # cells in a row


_SEEDS = record(
    _Seeds, "float32[:, ::1], int32[::1], int64[::1], int32[::1], int64[::1], float32, int64"
)


class _Room(NamedTuple):
    """To work in."""

    near: NDArray[np.int32]
    least: NDArray[np.float32]
    nearest: NDArray[np.int32]
    wanted: NDArray[np.int32]


def settle_seeds(
    objects: Objects, positions: Positions, counts: Counts, iterations: int = 5
) -> tuple[Labels, Positions, Counts]:
    """Refine seeds by k-means on the positions of their object's pixels.

    Parameters
    ----------
    objects
        (H, W) int32, objects 1..n, 0 = uncertain, -1 = outside.
    positions
        (K, 2) float64 rows and columns of the seeds, those of object 1 first.
    counts
        (n,) seeds of each object, at least one each.
    iterations
        Updates of the positions.

    Returns
    -------
    The (H, W) int32 nearest seed of each pixel, of its own object, or of any for an uncertain
    pixel, -1 outside; the positions; and the counts. Seeds left without a pixel of their object
    are dropped.
    """
    for _ in range(iterations):
        labels = nearest_seeds(objects, positions, counts)
        positions, areas = _centers(objects, labels, positions)
    labels = nearest_seeds(objects, positions, counts)
    _, areas = _centers(objects, labels, positions)
    if (areas > 0).all():
        return labels, positions, counts
    owners = np.repeat(np.arange(counts.size), counts)[areas > 0]
    positions = positions[areas > 0]
    counts = np.bincount(owners, minlength=counts.size)
    return nearest_seeds(objects, positions, counts), positions, counts


def nearest_seeds(objects: Objects, positions: Positions, counts: Counts) -> Labels:
    """Find each pixel's nearest seed of its object; of any object where it is uncertain.

    Parameters as in `settle_seeds`. Distances are compared in float32; of equally near seeds the
    lowest wins.

    Returns
    -------
    (H, W) int32 in 0..K-1; -1 outside.
    """
    height, width = objects.shape
    cell = max(1.0, float(np.sqrt(height * width / positions.shape[0])))
    rows, columns = int(height // cell) + 1, int(width // cell) + 1
    cells = (positions[:, 0] // cell).astype(np.int64) * columns + (positions[:, 1] // cell).astype(
        np.int64
    )
    order = np.argsort(cells, kind="stable").astype(np.int32)
    starts = np.zeros(rows * columns + 1, np.int64)
    np.cumsum(np.bincount(cells, minlength=rows * columns), out=starts[1:])
    offsets = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    objects = np.ascontiguousarray(objects)
    owners = np.repeat(np.arange(1, counts.size + 1, dtype=np.int32), counts)
    side = np.float32(cell)
    seeds = _Seeds(positions.astype(np.float32), owners, offsets, order, starts, side, columns)
    labels = np.empty((height, width), np.int32)

    def search(first: int, last: int) -> None:
        room = _Room(
            np.empty(owners.size, np.int32),
            np.empty(_BLOCK, np.float32),
            np.empty(_BLOCK, np.int32),
            np.empty(_BLOCK, np.int32),
        )
        _search_blocks(first, last, objects, seeds, room, labels)

    share_out(-(-height // _BLOCK), search)
    far = np.flatnonzero(labels.ravel() == _FAR)

    def search_alone(first: int, last: int) -> None:
        _search_alone(first, last, far, objects, seeds, labels)

    share_out(far.size, search_alone)
    return labels


@kernel(
    (
        *("int64, int64, int32[:, ::1]", _SEEDS),
        *(record(_Room, "int32[::1], float32[::1], int32[::1], int32[::1]"), "int32[:, ::1]"),
    )
)
def _search_blocks(
    first: int, last: int, objects: Objects, seeds: _Seeds, room: _Room, labels: Labels
) -> None:
    """Compare blocks of pixels with the seeds around; mark those whose seed is farther.

    Seeds at least as far as a cell's side from a block are left out: a pixel that finds one nearer
    than that is done.
    """
    positions, owners, _, order, starts, cell, n_columns = seeds
    near, least, nearest, wanted = room
    height, width = objects.shape
    n_rows = (starts.size - 1) // n_columns
    for strip in range(first, last):
        top = strip * _BLOCK
        bottom = top + _BLOCK if top + _BLOCK < height else height
        first_row = int((top - cell) // cell) if top > cell else 0
        last_row = int((bottom - 1 + cell) // cell)
        if last_row >= n_rows:
            last_row = n_rows - 1
        for left in range(0, width, _BLOCK):
            size = _BLOCK if left + _BLOCK < width else width - left
            right = left + size
            first_column = int((left - cell) // cell) if left > cell else 0
            last_column = int((right - 1 + cell) // cell)
            if last_column >= n_columns:
                last_column = n_columns - 1
            n_near = 0
            for i in range(first_row, last_row + 1):
                for k in range(
                    starts[i * n_columns + first_column], starts[i * n_columns + last_column + 1]
                ):
                    seed = order[k]
                    if (
                        positions[seed, 0] > top - cell
                        and positions[seed, 0] < bottom - 1 + cell
                        and positions[seed, 1] > left - cell
                        and positions[seed, 1] < right - 1 + cell
                    ):
                        near[n_near] = seed
                        n_near += 1
            # In ascending order (Shell, 1959; the gaps are 3^k), which it nearly is already.
            gap = 1
            while 3 * gap < n_near:
                gap *= 3
            while gap > 0:
                for k in range(gap, n_near):
                    seed = near[k]
                    place = k
                    while place >= gap and near[place - gap] > seed:
                        near[place] = near[place - gap]
                        place -= gap
                    near[place] = seed
                gap //= 3
            for row in range(top, bottom):
                for i in range(_BLOCK):
                    wanted[i] = _NONE
                    least[i] = _INFINITE
                    nearest[i] = _NONE
                for i in range(size):
                    wanted[i] = objects[row, left + i]
                for k in range(n_near):
                    seed = near[k]
                    owner = owners[seed]
                    down = np.float32(row) - positions[seed, 0]
                    offset = np.float32(left) - positions[seed, 1]
                    for i in range(_BLOCK):
                        across = offset + np.float32(i)
                        distance = down * down + across * across
                        better = ((wanted[i] == owner) | (wanted[i] == 0)) & (distance < least[i])
                        least[i] = distance if better else least[i]
                        nearest[i] = seed if better else nearest[i]
                for i in range(size):
                    far = wanted[i] >= 0 and least[i] >= cell * cell
                    labels[row, left + i] = _FAR if far else nearest[i]


@kernel(("int64, int64, int64[::1], int32[:, ::1]", _SEEDS, "int32[:, ::1]"))
def _search_alone(
    first: int,
    last: int,
    pixels: NDArray[np.int64],
    objects: Objects,
    seeds: _Seeds,
    labels: Labels,
) -> None:
    """Search an object with few seeds whole, else the grid in growing rings, for each pixel."""
    positions, owners, offsets, order, starts, cell, n_columns = seeds
    n_rows = (starts.size - 1) // n_columns
    n_rings = n_rows if n_rows > n_columns else n_columns
    for index in range(first, last):
        row = pixels[index] // objects.shape[1]
        column = pixels[index] % objects.shape[1]
        wanted = objects[row, column]
        nearest: Index = -1
        least = _INFINITE
        y, x = np.float32(row), np.float32(column)
        if wanted > 0 and offsets[wanted] - offsets[wanted - 1] <= _FEW:
            for seed in range(offsets[wanted - 1], offsets[wanted]):
                down, across = y - positions[seed, 0], x - positions[seed, 1]
                distance = down * down + across * across
                if distance < least:
                    least, nearest = distance, seed
            labels[row, column] = nearest
            continue
        cell_row, cell_column = int(y // cell), int(x // cell)
        for ring in range(n_rings):
            # Whatever is in this ring or beyond is at least so far.
            away = np.float32(ring - 1) * cell
            if ring > 0 and least < away * away:
                break
            for i in range(cell_row - ring, cell_row + ring + 1):
                if i < 0 or i >= n_rows:
                    continue
                edge = i == cell_row - ring or i == cell_row + ring
                step = 1 if edge or ring == 0 else 2 * ring
                for j in range(cell_column - ring, cell_column + ring + 1, step):
                    if j < 0 or j >= n_columns:
                        continue
                    for k in range(starts[i * n_columns + j], starts[i * n_columns + j + 1]):
                        near = np.int64(order[k])
                        if wanted > 0 and owners[near] != wanted:
                            continue
                        down, across = y - positions[near, 0], x - positions[near, 1]
                        distance = down * down + across * across
                        if distance < least or (distance == least and near < nearest):
                            least, nearest = distance, near
        labels[row, column] = nearest


def _centers(
    objects: Objects, labels: Labels, positions: Positions
) -> tuple[Positions, NDArray[np.int64]]:
    """Mean position of each seed's pixels in its object; a seed without any stays."""
    sums = np.zeros((positions.shape[0], 2), np.int64)
    areas = np.zeros(positions.shape[0], np.int64)
    _sum_positions(np.ascontiguousarray(objects), labels, sums, areas)
    centers = positions.copy()
    found = areas > 0
    centers[found] = sums[found] / areas[found, np.newaxis]
    return centers, areas


@kernel("int32[:, ::1], int32[:, ::1], int64[:, ::1], int64[::1]")
def _sum_positions(
    objects: Objects, labels: Labels, sums: NDArray[np.int64], areas: NDArray[np.int64]
) -> None:
    for row in range(objects.shape[0]):
        for column in range(objects.shape[1]):
            if objects[row, column] > 0:
                seed = labels[row, column]
                sums[seed, 0] += row
                sums[seed, 1] += column
                areas[seed] += 1
