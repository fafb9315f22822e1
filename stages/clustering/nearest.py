"""Each pixel's nearest seed, and k-means on positions built on it."""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from spam_pipe.stages.clustering.seeds import Counts, Positions
from spam_pipe.stages.compiled import kernel, parallel_kernel
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects

_FEW = 24
"""An object with at most so many seeds is searched whole: cheaper than walking the grid."""
_BLOCK = 16
"""Side of the blocks of pixels that are searched together: a vector's width."""


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
    labels = np.empty((height, width), np.int32)
    _search(
        np.ascontiguousarray(objects),
        positions.astype(np.float32),
        np.repeat(np.arange(1, counts.size + 1, dtype=np.int32), counts),
        offsets,
        order,
        starts,
        np.float32(cell),
        columns,
        labels,
    )
    return labels


@parallel_kernel
def _search(
    objects: Objects,
    positions: NDArray[np.float32],
    owners: NDArray[np.int32],
    offsets: NDArray[np.int64],
    order: NDArray[np.int32],
    starts: NDArray[np.int64],
    cell: np.float32,
    n_columns: int,
    labels: Labels,
) -> None:
    """Compare blocks of pixels with the seeds around; search alone for those that are farther.

    Seeds at least as far as `cell` from a block are left out: whoever finds one nearer than that
    is done.
    """
    height, width = objects.shape
    n_rows = (starts.size - 1) // n_columns
    for strip in prange((height + _BLOCK - 1) // _BLOCK):
        top = strip * _BLOCK
        bottom = min(top + _BLOCK, height)
        first_row = max(int((top - cell) // cell), 0)
        last_row = min(int((bottom - 1 + cell) // cell), n_rows - 1)
        near = np.empty(positions.shape[0], np.int32)
        least = np.empty(_BLOCK, np.float32)
        nearest = np.empty(_BLOCK, np.int32)
        wanted = np.empty(_BLOCK, np.int32)
        for left in range(0, width, _BLOCK):
            right = min(left + _BLOCK, width)
            first_column = max(int((left - cell) // cell), 0)
            last_column = min(int((right - 1 + cell) // cell), n_columns - 1)
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
            near[:n_near].sort()
            for row in range(top, bottom):
                wanted[:] = -1
                for i in range(right - left):
                    wanted[i] = objects[row, left + i]
                least[:] = np.float32(np.inf)
                nearest[:] = -1
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
                for i in range(right - left):
                    if wanted[i] >= 0 and least[i] >= cell * cell:
                        nearest[i] = _search_alone(
                            row,
                            left + i,
                            wanted[i],
                            positions,
                            owners,
                            offsets,
                            order,
                            starts,
                            cell,
                            n_columns,
                        )
                    labels[row, left + i] = nearest[i]


@kernel
def _search_alone(
    row: int,
    column: int,
    wanted: int,
    positions: NDArray[np.float32],
    owners: NDArray[np.int32],
    offsets: NDArray[np.int64],
    order: NDArray[np.int32],
    starts: NDArray[np.int64],
    cell: np.float32,
    n_columns: int,
) -> int:
    """Search an object with few seeds whole, else the grid in growing rings."""
    nearest = -1
    least = np.float32(np.inf)
    y, x = np.float32(row), np.float32(column)
    if wanted > 0 and offsets[wanted] - offsets[wanted - 1] <= _FEW:
        for seed in range(offsets[wanted - 1], offsets[wanted]):
            down, across = y - positions[seed, 0], x - positions[seed, 1]
            distance = down * down + across * across
            if distance < least:
                least, nearest = distance, seed
        return nearest
    n_rows = (starts.size - 1) // n_columns
    cell_row, cell_column = int(y // cell), int(x // cell)
    for ring in range(max(n_rows, n_columns)):
        # Whatever is in this ring or beyond is at least so far.
        if least < (np.float32(ring - 1) * cell) ** 2 and ring > 0:
            break
        for i in range(max(0, cell_row - ring), min(n_rows, cell_row + ring + 1)):
            edge = i == cell_row - ring or i == cell_row + ring
            step = 1 if edge or ring == 0 else 2 * ring
            for j in range(cell_column - ring, cell_column + ring + 1, step):
                if j < 0 or j >= n_columns:
                    continue
                for k in range(starts[i * n_columns + j], starts[i * n_columns + j + 1]):
                    seed = order[k]
                    if wanted > 0 and owners[seed] != wanted:
                        continue
                    down, across = y - positions[seed, 0], x - positions[seed, 1]
                    distance = down * down + across * across
                    if distance < least or (distance == least and seed < nearest):
                        least, nearest = distance, seed
    return nearest


@kernel
def _centers(
    objects: Objects, labels: Labels, positions: Positions
) -> tuple[Positions, NDArray[np.int64]]:
    """Mean position of each seed's pixels in its object; a seed without any stays."""
    sums = np.zeros((positions.shape[0], 2), np.int64)
    areas = np.zeros(positions.shape[0], np.int64)
    for row in range(objects.shape[0]):
        for column in range(objects.shape[1]):
            if objects[row, column] > 0:
                seed = labels[row, column]
                sums[seed, 0] += row
                sums[seed, 1] += column
                areas[seed] += 1
    centers = positions.copy()
    for seed in range(positions.shape[0]):
        if areas[seed] > 0:
            centers[seed, 0] = sums[seed, 0] / areas[seed]
            centers[seed, 1] = sums[seed, 1] / areas[seed]
    return centers, areas
