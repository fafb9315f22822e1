"""The user's factors brought to pixels."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.attention.density import Objects
from spam_pipe.stages.attention.user_factors import Click, UserFactors
from spam_pipe.stages.regions.adjacency import bridged


def factor_map(
    wanted: UserFactors,
    finest: Objects,
    objects_for: Callable[[int], Objects],
    count: int,
) -> tuple[NDArray[np.float64], str]:
    """Return the factor of each pixel, for a number of superpixels.

    Where several speak for a pixel, a drawn object counts before an object id, an id before a
    click, a click for a larger number of superpixels before one for a smaller, and a click before
    the map. Clicks on one object count by their mean.

    Parameters
    ----------
    wanted
        The user's factors.
    finest
        (H, W) the prior's objects before any cut, 0 = uncertain.
    objects_for
        The (H, W) objects for a number of superpixels.
    count
        The number being made.

    Returns
    -------
    The (H, W) float64 factors, 1 where nothing is said, and a note on clicks that met no object.

    Raises
    ------
    ValueError
        When a click lies outside the image, the prior has no such object, or the map is of
        another size; it names which.
    """
    height, width = finest.shape
    factors = np.ones(finest.shape) if wanted.pixels is None else wanted.pixels
    if factors.shape != finest.shape:
        found = "×".join(map(str, factors.shape))
        raise ValueError(
            f"the map of factors is {found} but the image is {height}×{width} (height × width): "
            "give one of the image's size"
        )
    for click in wanted.clicks:
        if not (0 <= click.x < width and 0 <= click.y < height):
            raise ValueError(
                f"the click x = {click.x}, y = {click.y} lies outside the image, which is "
                f"{width} wide and {height} high; pixels count from 0 at the upper left"
            )
    n_moved = 0
    for own in sorted({click.count or count for click in wanted.clicks}):
        clicks = [click for click in wanted.clicks if (click.count or count) == own]
        factors, moved = _paint_clicks(factors, objects_for(own), clicks)
        n_moved += moved
    if wanted.objects:
        factors = _paint_objects(factors, finest, wanted.objects)
    for drawn in wanted.drawn:
        factors = np.where(drawn.mask, drawn.factor, factors)
    return factors, _note(n_moved)


def _paint_clicks(
    factors: NDArray[np.float64], objects: Objects, clicks: Sequence[Click]
) -> tuple[NDArray[np.float64], int]:
    """Return the factors with those of the clicked objects, and how many clicks met none."""
    rows = np.array([click.y for click in clicks])
    columns = np.array([click.x for click in clicks])
    met = objects[rows, columns]
    uncertain = met == 0
    if uncertain.any():
        met = bridged(objects)[rows, columns]
    n = int(objects.max()) + 1
    times = np.bincount(met, minlength=n)
    sums = np.bincount(met, weights=[click.factor for click in clicks], minlength=n)
    means = sums / np.maximum(times, 1)
    return np.where((times > 0)[objects], means[objects], factors), int(uncertain.sum())


def _paint_objects(
    factors: NDArray[np.float64], finest: Objects, wanted: Sequence[tuple[int, float]]
) -> NDArray[np.float64]:
    n = int(finest.max())
    own: NDArray[np.float64] = np.full(n + 1, np.nan)
    for number, factor in wanted:
        if not 1 <= number <= n:
            raise ValueError(
                f"the prior has no object {number}: its finest ones are 1 to {n} here; "
                "`spam-pipe export FOLDER --what objects` writes them"
            )
        own[number] = factor
    painted: NDArray[np.floating[Any]] = own[finest]
    return np.where(np.isnan(painted), factors, painted)


def _note(n_moved: int) -> str:
    if n_moved == 0:
        return ""
    if n_moved == 1:
        return "attention: a click on an uncertain pixel went to the nearest object"
    return f"attention: {n_moved} clicks on uncertain pixels went to the nearest objects"
