"""Contour targets from the annotators' consensus."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

IGNORED = 255

VOID = -1
"""Region number of pixels that an annotator says nothing about."""


def contour_target(regions: NDArray[np.integer[Any]], share: float) -> NDArray[np.uint8]:
    """Say where training wants a contour.

    Parameters
    ----------
    regions
        (A, H, W) region maps, one per annotator; `VOID` where one says nothing.
    share
        Annotators, of all, who must mark a pixel for it to be a contour.

    Returns
    -------
    (H, W) uint8: 1 where at least `share` of the annotators have a boundary pixel, 255
    (ignored) where any has one within one pixel, and within one pixel of what any says
    nothing about, else 0. A boundary pixel has a 4-neighbour of another region.
    """
    marks = boundaries(regions)
    votes = marks.mean(axis=0)
    doubtful = maximum_filter(votes > 0, size=3)
    target = np.where(votes >= share, 1, np.where(doubtful, IGNORED, 0)).astype(np.uint8)
    void = (regions == VOID).any(axis=0)
    if void.any():
        target[maximum_filter(void, size=3)] = IGNORED
    return target


def boundaries(regions: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Mark the pixels of (…, H, W) region maps that have a 4-neighbour of another region."""
    marks = np.zeros(regions.shape, dtype=bool)
    down = regions[..., 1:, :] != regions[..., :-1, :]
    right = regions[..., 1:] != regions[..., :-1]
    marks[..., 1:, :] |= down
    marks[..., :-1, :] |= down
    marks[..., 1:] |= right
    marks[..., :-1] |= right
    return marks
