"""Each pixel's nearest seed, and k-means on positions built on it."""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from stages.compiled import kernel, parallel_kernel
from stages.segment.objects import Objects
from stages.segment.seeds import Counts, Positions

Labels = NDArray[np.int32]

_FEW = 24
"""An object with at most so many seeds is searched whole: cheaper than walking the grid."""


def settle_seeds(
    objects: Objects, positions: Positions, counts: Counts, iterations: int = 5
) -> tuple[Labels, Positions, Counts]:
    """Refine seeds by k-means on the positions of their object's pixels.

    Parameters
    ----------
    objects
        (H, W) int32, objects 1..n, 0 = uncertain.
    positions
        (K, 2) float64 rows and columns of the seeds, those of object 1 first.
    counts
        (n,) seeds of each object, at least one each.
    iterations
        Updates of the positions.

    Returns
    -------
    The (H, W) int32 nearest seed of each pixel, of its own object, or of any for an uncertain
    pixel; the positions; and the counts. Seeds left without a pixel of their object are dropped.
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

    Parameters as in `settle_seeds`. Of equally near seeds the lowest wins.

    Returns
    -------
    (H, W) int32 in 0..K-1.
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
    owners = np.repeat(np.arange(1, counts.size + 1, dtype=np.int32), counts)
    labels = np.empty((height, width), np.int32)
    _search(
        np.ascontiguousarray(objects),
        np.ascontiguousarray(positions),
        owners,
        offsets,
        order,
        starts,
        cell,
        columns,
        labels,
    )
    return labels


@parallel_kernel
def _search(
    objects: Objects,
    positions: Positions,
    owners: NDArray[np.int32],
    offsets: NDArray[np.int64],
    order: NDArray[np.int32],
    starts: NDArray[np.int64],
    cell: float,
    n_columns: int,
    labels: Labels,
) -> None:
    height, width = objects.shape
    n_rows = (starts.size - 1) // n_columns
    for row in prange(height):
        cell_row = np.int64(row // cell)
        for column in range(width):
            wanted = objects[row, column]
            nearest = -1
            least = np.inf
            if wanted > 0 and offsets[wanted] - offsets[wanted - 1] <= _FEW:
                for seed in range(offsets[wanted - 1], offsets[wanted]):
                    distance = (positions[seed, 0] - row) ** 2 + (positions[seed, 1] - column) ** 2
                    if distance < least:
                        least, nearest = distance, seed
                labels[row, column] = nearest
                continue
            cell_column = np.int64(column // cell)
            inside = min(
                row - cell_row * cell,
                (cell_row + 1) * cell - row,
                column - cell_column * cell,
                (cell_column + 1) * cell - column,
            )
            for ring in range(max(n_rows, n_columns)):
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
                            distance = (positions[seed, 0] - row) ** 2 + (
                                positions[seed, 1] - column
                            ) ** 2
                            if distance < least or (distance == least and seed < nearest):
                                least, nearest = distance, seed
                # Whatever is beyond this ring is farther than the ring is wide.
                if least < (inside + ring * cell) ** 2:
                    break
            labels[row, column] = nearest


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
