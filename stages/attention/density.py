"""From saliency or factors to a density per object; the number of superpixels stays the same."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Objects = NDArray[np.integer[Any]]
Density = NDArray[np.float64]

_LEAST_BACKGROUND = 0.2
"""Of its own share, the background keeps at least this much."""


def object_means(values: NDArray[np.floating[Any]], objects: Objects) -> NDArray[np.float64]:
    """Return the mean of a map over each object.

    Parameters
    ----------
    values
        (H, W).
    objects
        (H, W) ids 1..n, each present; 0 counts for none.

    Returns
    -------
    (n,) float64.
    """
    flat = objects.ravel()
    sums = np.bincount(flat, weights=values.ravel())
    means: NDArray[np.float64] = sums[1:] / np.bincount(flat)[1:]
    return means


def visual_density(
    saliency: NDArray[np.floating[Any]], objects: Objects, ratio: float, threshold: float
) -> Density | None:
    """Make salient objects denser (METHOD.md, section 6).

    Objects whose mean saliency exceeds the threshold get `ratio` times their share of the
    superpixels, capped so that the others keep a fifth of theirs; the others share the rest.

    Parameters
    ----------
    saliency
        (H, W) in 0..1.
    objects
        (H, W) ids 1..n, each present; 0 is uncertain.
    ratio
        At least 1.
    threshold
        In 0..1.

    Returns
    -------
    (n,) density of each object, whose mean over the objects' pixels is 1; None where all or none
    are salient, which leaves everything as it is.
    """
    areas = np.bincount(objects.ravel())[1:]
    salient = object_means(saliency, objects) > threshold
    if salient.all() or not salient.any() or ratio == 1:
        return None
    foreground = areas[salient].sum() / areas.sum()
    share = min(ratio * foreground, 1 - _LEAST_BACKGROUND * (1 - foreground))
    density: Density = np.where(salient, share / foreground, (1 - share) / (1 - foreground))
    return density


def user_density(factors: NDArray[np.floating[Any]], objects: Objects) -> Density | None:
    """Turn factors into densities: shares are multiplied by them and brought back to their sum.

    Parameters
    ----------
    factors
        (H, W), all positive; an object's factor is its mean.
    objects
        (H, W) ids 1..n, each present; 0 is uncertain.

    Returns
    -------
    (n,) density of each object, whose mean over the objects' pixels is 1; None where all factors
    are equal, which leaves everything as it is.
    """
    areas = np.bincount(objects.ravel())[1:]
    means = object_means(factors, objects)
    if np.ptp(means) <= 1e-12 * means.max():
        return None
    density: Density = means * areas.sum() / (means @ areas)
    return density
