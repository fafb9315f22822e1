"""Neighbouring objects, and the strength of their common borders."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt


@dataclass(frozen=True, eq=False)
class Borders:
    """The common borders of neighbouring objects."""

    # (E,) int64 object ids, first < second, in ascending order
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    length: NDArray[np.int64]  # (E,) int64: pairs of 4-adjacent pixels along the border
    # (E,) float64: mean strength over these pairs; of a pair, the mean of its two pixels
    strength: NDArray[np.float64]


def borders(objects: NDArray[np.integer[Any]], strength: NDArray[np.number[Any]]) -> Borders:
    """Measure all borders of a partition.

    Parameters
    ----------
    objects
        (H, W) ids; negative ones are outside, and make no border.
    strength
        (H, W) boundary strength.

    Returns
    -------
    One entry per pair of objects that touch.
    """
    key, value = _border_pairs(objects, strength)
    pairs, inverse = np.unique(key, return_inverse=True)
    length = np.bincount(inverse, minlength=len(pairs))
    total = np.bincount(inverse, weights=value, minlength=len(pairs))
    return Borders(pairs >> 32, pairs & 0xFFFFFFFF, length, total / length)


def bridged(objects: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """Give each uncertain pixel to the nearest object, so that all borders become visible.

    Parameters
    ----------
    objects
        (H, W) ids; 0 is uncertain. At least one pixel is not.
    """
    uncertain = objects == 0
    if not uncertain.any():
        return objects
    rows, columns = distance_transform_edt(uncertain, return_distances=False, return_indices=True)
    nearest: NDArray[np.integer[Any]] = objects[rows, columns]
    return nearest


def _border_pairs(
    objects: NDArray[np.integer[Any]], strength: NDArray[np.number[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the objects of each pair of 4-adjacent pixels on a border, and its strength.

    In raster order, the pair with the right neighbour before the one with the lower neighbour:
    what is summed up depends on it by rounding.
    """
    width = objects.shape[1]
    differ = np.zeros((*objects.shape, 2), np.bool_)
    differ[:, :-1, 0] = objects[:, :-1] != objects[:, 1:]
    differ[:-1, :, 1] = objects[:-1] != objects[1:]
    pixel, below = np.divmod(np.flatnonzero(differ), 2)
    other = pixel + np.where(below, width, 1)
    here, there = objects.ravel()[pixel].astype(np.int64), objects.ravel()[other].astype(np.int64)
    if here.size and min(here.min(), there.min()) < 0:
        known = (here >= 0) & (there >= 0)
        pixel, other, here, there = pixel[known], other[known], here[known], there[known]
    flat = strength.ravel()
    value = 0.5 * (flat[pixel].astype(np.float64) + flat[other].astype(np.float64))
    return (np.minimum(here, there) << 32) | np.maximum(here, there), value
