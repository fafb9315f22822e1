"""Which objects are neighbours, and how strong their common borders are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from spam_pipe.stages.compiled import kernel


@dataclass(frozen=True, eq=False)
class Borders:
    """The common borders of neighbouring objects.

    Attributes
    ----------
    first, second
        (E,) int64 object ids, first < second, in ascending order.
    length
        (E,) int64: pairs of 4-adjacent pixels along the border.
    strength
        (E,) float64: mean strength over these pairs; of a pair, the mean of its two pixels.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    length: NDArray[np.int64]
    strength: NDArray[np.float64]


def borders(objects: NDArray[np.integer[Any]], strength: NDArray[np.float32]) -> Borders:
    """Measure all borders of a partition.

    Parameters
    ----------
    objects
        (H, W) ids; negative ones are nobody's, and what borders on them makes no border.
    strength
        (H, W) boundary strength.

    Returns
    -------
    Borders
        One entry per pair of objects that touch.
    """
    key, value = _border_pairs(np.ascontiguousarray(objects, np.int32), strength)
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


@kernel
def _differ(here: np.signedinteger[Any], there: np.signedinteger[Any]) -> bool:
    return bool(here != there and here >= 0 and there >= 0)


@kernel
def _border_pairs(
    objects: NDArray[np.int32], strength: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    height, width = objects.shape
    n = 0
    for row in range(height):
        for column in range(width):
            for down in range(2):
                r, c = row + down, column + 1 - down
                n += r < height and c < width and _differ(objects[row, column], objects[r, c])
    key = np.empty(n, np.int64)
    value = np.empty(n, np.float64)
    n = 0
    for row in range(height):
        for column in range(width):
            here = np.int64(objects[row, column])
            for down in range(2):
                r, c = row + down, column + 1 - down
                if r == height or c == width or not _differ(here, objects[r, c]):
                    continue
                there = np.int64(objects[r, c])
                key[n] = (min(here, there) << 32) | max(here, there)
                value[n] = 0.5 * (np.float64(strength[row, column]) + np.float64(strength[r, c]))
                n += 1
    return key, value
