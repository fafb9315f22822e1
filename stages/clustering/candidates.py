"""The superpixels that a pixel may join: the seeds near its own, of its object alone."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from spam_pipe.stages.clustering.seeds import Counts, Positions

Candidates = NDArray[np.int32]

N_CANDIDATES = 9


def candidate_seeds(
    positions: Positions,
    counts: Counts,
    radius: float,
    density: NDArray[np.floating] | None = None,
) -> Candidates:
    """List the seeds that pixels of an object may join, by their initial seed.

    Parameters
    ----------
    positions
        (K, 2) float64 rows and columns of the seeds, those of object 1 first.
    counts
        (n,) seeds of each object.
    radius
        How far, in pixels, a seed may lie from the initial one.
    density
        (n,) factor of each object: its radius is divided by the factor's square root.

    Returns
    -------
    (K, 9) int32, nearest first, beginning with the seed itself; -1 where there are fewer.
    """
    owners = np.repeat(np.arange(counts.size), counts)
    radii = np.full(counts.size, radius)
    if density is not None:
        radii = radii / np.sqrt(density)
    # Objects lie in layers farther apart than any radius, so that one search serves all.
    layered = np.column_stack([positions, owners * (2 * radii.max() + 1)])
    return _nearest(layered, radii[owners])


def uncertain_candidate_seeds(positions: Positions) -> Candidates:
    """List the seeds that uncertain pixels may join, by their initial seed: the 9 nearest.

    Returns
    -------
    (K, 9) int32, nearest first, beginning with the seed itself; -1 where there are fewer.
    """
    return _nearest(positions, np.full(positions.shape[0], np.inf))


def _nearest(points: NDArray[np.float64], radii: NDArray[np.float64]) -> Candidates:
    n = points.shape[0]
    distances, found = cKDTree(points).query(points, k=min(N_CANDIDATES, n))
    distances, found = np.reshape(distances, (n, -1)), np.reshape(found, (n, -1))
    near = distances <= radii[:, None] * (1 + 1e-9)
    candidates = np.full((n, N_CANDIDATES), -1, np.int32)
    candidates[:, : found.shape[1]] = np.where(near, found, -1)
    # Seeds at one place would hide one another: each pixel's own seed comes first in any case.
    own = np.arange(n, dtype=np.int32)
    missing = ~(candidates == own[:, None]).any(axis=1)
    candidates[missing, -1] = own[missing]
    position = (candidates == own[:, None]).argmax(axis=1)
    candidates[own, position] = candidates[:, 0]
    candidates[:, 0] = own
    return candidates
