"""A user's factors for parts of an image: clicks, objects, drawings or a map."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Click:
    """A factor for the object at a pixel."""

    # column and row, from 0 at the upper left
    x: int
    y: int
    factor: float  # multiplies the object's share of the superpixels
    # the object is meant as it is for this many superpixels; None for the number being made
    count: int | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """An object that the user drew."""

    mask: NDArray[np.bool_]  # (H, W)
    factor: float  # multiplies the object's share of the superpixels


@dataclass(frozen=True, eq=False)
class UserFactors:
    """A user's factors for one image."""

    clicks: tuple[Click, ...] = ()  # factors by position
    # pairs of one of the prior's finest objects and its factor
    objects: tuple[tuple[int, float], ...] = ()
    # objects that the prior lacks (`stages.segment.drawn`); later ones cover earlier ones
    drawn: tuple[Drawn, ...] = ()
    pixels: NDArray[np.float64] | None = None  # (H, W) float64, a factor for each pixel
