"""SNIC: superpixels that grow from a grid in one pass (Achanta and Süsstrunk, CVPR 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.methods.baselines.layouts import grid_shape
from spam_pipe.stages.methods.baselines.numbering import number_labels
from spam_pipe.stages.methods.baselines.search import count_note
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.queue import QUEUE, Queue, pop, push, queue_of
from spam_pipe.stages.scene import Scene, Segmentation

if TYPE_CHECKING:
    from spam_pipe.stages.methods.config import SegmentConfig


def snic(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Grow superpixels from the middles of a grid of near squares.

    Every seed makes one superpixel, so that there is no knob to search.
    """
    height, width = scene.image.shape[:2]
    n_rows, n_columns = grid_shape(height, width, round(n_superpixels / scene.coverage))
    seeds = grid_seeds(height, width, n_rows, n_columns)
    labels, n = grow_superpixels(scene.lab, seeds, config.snic.compactness), len(seeds)
    if scene.valid is not None:
        labels, n = number_labels(labels, scene.valid)
    note = count_note(n, n_superpixels, f"{n_rows} rows of {n_columns} seeds")
    return Segmentation(labels, note)


def grid_seeds(height: int, width: int, n_rows: int, n_columns: int) -> NDArray[np.int64]:
    """Return the middle pixels of a grid's cells, (n, 2) rows and columns in raster order."""
    rows = (2 * np.arange(n_rows) + 1) * height // (2 * n_rows)
    columns = (2 * np.arange(n_columns) + 1) * width // (2 * n_columns)
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)


def grow_superpixels(
    lab: NDArray[np.float32], seeds: NDArray[np.int64], compactness: float
) -> Labels:
    """Assign pixels in the order of their distance to the superpixel that reaches them.

    The queue's elements are pixels beside a superpixel, the nearest first; a pixel belongs to
    the superpixel whose element comes out first, and its 4-neighbours then join the queue at
    their distance to that superpixel's mean so far (the paper's algorithm 1). That distance is
    ``|x - x_k|^2 / s + |c - c_k|^2 / m`` with ``s = sqrt(N / K)`` (the square of equation 1,
    which orders alike). Of equally near elements the one that joined first comes first.

    Parameters
    ----------
    lab
        (H, W, 3) float32 CIELab.
    seeds
        (K, 2) int64 rows and columns, no two alike.
    compactness
        The paper's m.

    Returns
    -------
    (H, W) int32 in 0..K-1, each label 4-connected.
    """
    height, width = lab.shape[:2]
    n_seeds = seeds.shape[0]
    labels = np.full((height, width), -1, np.int32)
    order = np.arange(n_seeds)
    places = (seeds[:, 0] * width + seeds[:, 1]) * n_seeds + order
    # Each pixel that is assigned puts its neighbours into the queue.
    queue = queue_of(np.zeros(n_seeds), order, places, n_seeds + 4 * labels.size)
    spacing = float(np.sqrt(height * width / n_seeds))
    sums = np.zeros((n_seeds, 6))
    _grow(queue, np.ascontiguousarray(lab), spacing, float(compactness), sums, labels)
    return labels


@kernel((QUEUE, "float32[:, :, ::1], float64, float64, float64[:, ::1], int32[:, ::1]"))
def _grow(
    queue: Queue,
    lab: NDArray[np.float32],
    spacing: float,
    compactness: float,
    sums: NDArray[np.float64],
    labels: Labels,
) -> None:
    """Take elements out of the queue until it is empty.

    An element's size is its turn among all that joined, its name the pixel times K plus the
    superpixel. `sums`, all zero, becomes the sums of row, column, L, a, b and the number of pixels.
    """
    costs, turns, names = queue
    height, width = labels.shape
    n_seeds = sums.shape[0]
    n_queued = n_joined = n_seeds
    while n_queued > 0:
        pop(costs, turns, names, n_queued)
        n_queued -= 1
        pixel, k = names[n_queued] // n_seeds, names[n_queued] % n_seeds
        row, column = pixel // width, pixel % width
        if labels[row, column] >= 0:
            continue
        labels[row, column] = k
        total = sums[k]
        total[0] += row
        total[1] += column
        for channel in range(3):
            total[2 + channel] += lab[row, column, channel]
        total[5] += 1
        for step in range(4):
            next_row = row + (step == 3) - (step == 0)
            next_column = column + (step == 2) - (step == 1)
            if next_row < 0 or next_row >= height or next_column < 0 or next_column >= width:
                continue
            if labels[next_row, next_column] >= 0:
                continue
            down = next_row - total[0] / total[5]
            across = next_column - total[1] / total[5]
            spatial = down * down
            spatial += across * across
            color = 0.0
            for channel in range(3):
                away = lab[next_row, next_column, channel] - total[2 + channel] / total[5]
                color += away * away
            distance = spatial / spacing + color / compactness
            name = (next_row * width + next_column) * n_seeds + k
            push(costs, turns, names, n_queued, distance, np.float64(n_joined), name)
            n_queued += 1
            n_joined += 1
