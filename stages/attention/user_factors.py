"""A user's factors for parts of an image: clicks, objects, drawings or a map."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Click:
    """A factor for the object at a pixel.

    Attributes
    ----------
    x, y
        Column and row, from 0 at the upper left.
    factor
        Multiplies the object's share of the superpixels.
    count
        The object is meant as it is for this many superpixels; None for the number being made.
    """

    x: int
    y: int
    factor: float
    count: int | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """An object that the user drew, with its factor.

    Attributes
    ----------
    mask
        (H, W) bool.
    factor
        Multiplies the object's share of the superpixels.
    """

    mask: NDArray[np.bool_]
    factor: float


@dataclass(frozen=True, eq=False)
class UserFactors:
    """A user's factors for one image.

    Attributes
    ----------
    clicks
        Factors by position.
    objects
        Pairs of one of the prior's finest objects and its factor.
    drawn
        Objects that the prior has not (`stages.segment.drawn`); later ones cover earlier ones.
    pixels
        (H, W) float64, a factor for each pixel.
    """

    clicks: tuple[Click, ...] = ()
    objects: tuple[tuple[int, float], ...] = ()
    drawn: tuple[Drawn, ...] = ()
    pixels: NDArray[np.float64] | None = None
