"""Where superpixels start: how many seeds each object gets and where they lie."""

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
    return _lay_lattices(np.ascontiguousarray(objects), counts, _HEXAGONAL)


@kernel
def _lay_lattices(objects: Objects, counts: Counts, hexagonal: float) -> Positions:
    height, width = objects.shape
    n = counts.size
    top = np.full(n, height, np.int64)
    bottom = np.full(n, -1, np.int64)
    left = np.full(n, width, np.int64)
    right = np.full(n, -1, np.int64)
    areas = np.zeros(n, np.int64)
    for row in range(height):
        for column in range(width):
            i = objects[row, column] - 1
            if i >= 0:
                areas[i] += 1
                top[i] = min(top[i], row)
                bottom[i] = max(bottom[i], row)
                left[i] = min(left[i], column)
                right[i] = max(right[i], column)

    n_bands = np.empty(n, np.int64)
    start = np.zeros(n + 1, np.int64)
    for i in range(n):
        band_height = hexagonal * np.sqrt(areas[i] / counts[i])
        n_rows = bottom[i] - top[i] + 1
        n_bands[i] = min(max(1, np.int64(np.round(n_rows / band_height))), counts[i], n_rows)
        start[i + 1] = start[i] + n_bands[i] * (right[i] - left[i] + 1)
    mass = np.zeros(start[n], np.int64)
    moment = np.zeros(start[n], np.int64)
    for row in range(height):
        for column in range(width):
            i = objects[row, column] - 1
            if i >= 0:
                band = (row - top[i]) * n_bands[i] // (bottom[i] - top[i] + 1)
                slot = start[i] + band * (right[i] - left[i] + 1) + column - left[i]
                mass[slot] += 1
                moment[slot] += row

    positions = np.empty((counts.sum(), 2))
    seed = 0
    for i in range(n):
        span = right[i] - left[i] + 1
        before = 0
        for band in range(n_bands[i]):
            row_of_slots = start[i] + band * span
            band_mass = 0
            for column in range(span):
                band_mass += mass[row_of_slots + column]
            # Differences of rounded sums: exact in total, and no band gets more than it has.
            first = (2 * before * counts[i] + areas[i]) // (2 * areas[i])
            before += band_mass
            last = (2 * before * counts[i] + areas[i]) // (2 * areas[i])
            n_points = last - first
            shift = 0.5 if n_points == 1 else 0.25 if band % 2 == 0 else 0.75
            column, passed = 0, 0
            for j in range(n_points):
                target = (j + shift) * band_mass / n_points
                while passed + mass[row_of_slots + column] <= target:
                    passed += mass[row_of_slots + column]
                    column += 1
                slot = row_of_slots + column
                positions[seed, 0] = moment[slot] / mass[slot]
                positions[seed, 1] = left[i] + column
                seed += 1
    return positions
