"""Seeds: how many each object gets, and their positions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.regions.objects import Objects

Positions = NDArray[np.float64]
Counts = NDArray[np.int64]

_HEXAGONAL = float(np.sqrt(np.sqrt(3) / 2))


def share_seeds(
    areas: NDArray[np.int64], n_seeds: int, density: NDArray[np.floating] | None = None
) -> Counts:
    """Share seeds among objects in proportion to their areas, by largest remainder.

    Parameters
    ----------
    areas
        (n,) pixels of each object, all positive.
    n_seeds
        How many to share; brought into n..sum(areas).
    density
        (n,) factor of each object's share; 1 where absent.

    Returns
    -------
    (n,) int64, each in 1..area, summing to `n_seeds`.
    """
    n_seeds = int(np.clip(n_seeds, areas.size, areas.sum()))
    weights = areas.astype(np.float64) if density is None else areas * density.astype(np.float64)
    low, high = np.ones(areas.size), areas.astype(np.float64)
    # Objects held at a bound leave the others a different rest to share: find the common scale
    # at which the bounded shares sum up, by bisection, for the sum grows with the scale.
    shortest, longest = 0.0, float((high / weights).max()) * 2
    for _ in range(100):
        scale = (shortest + longest) / 2
        if np.clip(scale * weights, low, high).sum() < n_seeds:
            shortest = scale
        else:
            longest = scale
    ideal = np.clip(longest * weights, low, high)
    counts = np.floor(ideal + 1e-9).astype(np.int64)
    remainder = np.where(counts < areas, ideal - counts, -1.0)
    counts[np.argsort(-remainder, kind="stable")[: n_seeds - counts.sum()]] += 1
    return counts


def random_seeds(objects: Objects, counts: Counts, seed: Sequence[int]) -> Positions:
    """Draw distinct random pixels of each object (the paper's seeds).

    Parameters
    ----------
    objects
        (H, W) int32, objects 1..n, 0 = uncertain, -1 = outside.
    counts
        (n,) seeds of each object, at most its area.
    seed
        Non-negative integers for the generator: same input, same seeds.

    Returns
    -------
    (sum(counts), 2) float64 rows and columns, the seeds of object 1 first.
    """
    flat = objects.ravel()
    areas = np.bincount(flat + 1, minlength=counts.size + 2)
    # Sorting a permutation by object shuffles the pixels inside each object.
    shuffled = np.random.default_rng(seed).permutation(flat.size)
    shuffled = shuffled[np.argsort(flat[shuffled], kind="stable")]
    starts = np.cumsum(areas)[1:-1]
    rank = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    pixels = shuffled[np.repeat(starts, counts) + rank]
    return np.stack(np.divmod(pixels, objects.shape[1]), axis=1).astype(np.float64)


def lattice_seeds(objects: Objects, counts: Counts) -> Positions:
    """Lay a hexagonal lattice through each object, with exactly as many points as it gets.

    The object is cut into bands of rows as high as the rows of a hexagonal lattice of its
    density; a band's seeds lie at equal shares of its pixels, every second band's shifted by
    half a step. On a rectangle that is the lattice itself; in any other shape all points still
    fall into it.

    Parameters
    ----------
    objects
        (H, W) int32, objects 1..n, 0 = uncertain, -1 = outside.
    counts
        (n,) seeds of each object, at most its area.

    Returns
    -------
    (sum(counts), 2) float64 rows and columns, the seeds of object 1 first.
    """
    objects = np.ascontiguousarray(objects)
    n = counts.size
    areas = np.zeros(n, np.int64)
    # Top, bottom, left and right of each object.
    boxes = np.tile([objects.shape[0], -1, objects.shape[1], -1], (n, 1))
    _measure(objects, areas, boxes)
    n_rows, spans = boxes[:, 1] - boxes[:, 0] + 1, boxes[:, 3] - boxes[:, 2] + 1
    wanted = np.round(n_rows / (_HEXAGONAL * np.sqrt(areas / counts))).astype(np.int64)
    n_bands = np.minimum(np.minimum(np.maximum(wanted, 1), counts), n_rows)

    # Each band's columns are slots in a row: how many pixels each has, and their rows summed.
    starts = np.cumsum(n_bands * spans) - n_bands * spans
    mass = np.zeros(int((n_bands * spans).sum()), np.int64)
    moment = np.zeros_like(mass)
    _weigh(objects, boxes, n_bands, starts, mass, moment)

    owner = np.repeat(np.arange(n), n_bands)
    band = np.arange(owner.size) - np.repeat(np.cumsum(n_bands) - n_bands, n_bands)
    first_slot = starts[owner] + band * spans[owner]
    passed = np.append(0, np.cumsum(mass))
    before, after = passed[first_slot], passed[first_slot + spans[owner]]
    of_object = passed[starts[owner]]
    # Differences of rounded sums: exact in total, and no band gets more than it has.
    shares = [
        (2 * (sums - of_object) * counts[owner] + areas[owner]) // (2 * areas[owner])
        for sums in (before, after)
    ]
    n_points = shares[1] - shares[0]
    shift = np.where(n_points == 1, 0.5, np.where(band % 2 == 0, 0.25, 0.75))
    of_point = np.repeat(np.arange(owner.size), n_points)
    rank = np.arange(of_point.size) - np.repeat(np.cumsum(n_points) - n_points, n_points)
    target = (rank + shift[of_point]) * (after - before)[of_point] / n_points[of_point]
    # The slot in which the sum of the pixels exceeds the target.
    sums = before[of_point] + np.floor(target).astype(np.int64)
    slots = np.searchsorted(passed[1:], sums, side="right")
    columns = boxes[owner, 2][of_point] + slots - first_slot[of_point]
    return np.stack([moment[slots] / mass[slots], columns.astype(np.float64)], axis=1)


@kernel("int32[:, ::1], int64[::1], int64[:, ::1]")
def _measure(objects: Objects, areas: Counts, boxes: NDArray[np.int64]) -> None:
    """Count the pixels of each object, and find its first and last rows and columns."""
    for row in range(objects.shape[0]):
        for column in range(objects.shape[1]):
            i = objects[row, column] - 1
            if i >= 0:
                areas[i] += 1
                if row < boxes[i, 0]:
                    boxes[i, 0] = row
                boxes[i, 1] = row
                if column < boxes[i, 2]:
                    boxes[i, 2] = column
                if column > boxes[i, 3]:
                    boxes[i, 3] = column


@kernel("int32[:, ::1], int64[:, ::1], int64[::1], int64[::1], int64[::1], int64[::1]")
def _weigh(
    objects: Objects,
    boxes: NDArray[np.int64],
    n_bands: NDArray[np.int64],
    starts: NDArray[np.int64],
    mass: NDArray[np.int64],
    moment: NDArray[np.int64],
) -> None:
    """Count the pixels in each column of each band of an object, and sum up their rows."""
    for row in range(objects.shape[0]):
        for column in range(objects.shape[1]):
            i = objects[row, column] - 1
            if i >= 0:
                top, left = boxes[i, 0], boxes[i, 2]
                band = (row - top) * n_bands[i] // (boxes[i, 1] - top + 1)
                slot = starts[i] + band * (boxes[i, 3] - left + 1) + column - left
                mass[slot] += 1
                moment[slot] += row
