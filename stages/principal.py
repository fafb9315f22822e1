"""Many bands as a picture in false colours, and as components that a clustering compares.

Bands are scaled robustly (by the span of their middle 96 %), so that neither a band's unit nor a
few wild pixels decide; components are uncorrelated and keep their variances relative to the first.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_COMPONENTS = 20
"""Components that count at most, those that are seen among them: the paper's D."""

_ENOUGH = 0.999
"""Share of the variance that the components keep, where fewer than the most do."""

_N_SAMPLED = 2**14
"""Pixels that say what the components are: enough for hundreds of bands, whatever the image."""

_WILD = 2.0
"""Spans from the median beyond which a value says no more."""

_STRIP = 2**20  # values at once
_ORDER = (1, 0, 2)
"""Which component is red, green and blue: the first one is seen best as green."""

_LIGHTNESS = 100.0
"""L of CIELab between black and white: what the span of a picture's values is worth."""


class Components(NamedTuple):
    """What an image of many bands comes to.

    Attributes
    ----------
    colors
        (H, W, 3) uint8, the first three principal components; 127 in a component that there is
        none of, and where there is no data. None where other bands are to be seen.
    further
        (H, W, C) float32, uncorrelated components of what is not seen, in units of CIELab's L; 0
        where there is no data. With what is seen they are at most `MOST_COMPONENTS`.
    seen
        Of the bands' variance, scaled as said, the share of what is seen.
    kept
        The same of all components.
    """

    colors: NDArray[np.uint8] | None
    further: NDArray[np.float32]
    seen: float
    kept: float


def principal_components(
    samples: NDArray[Any],
    valid: NDArray[np.bool_] | None = None,
    shown: Sequence[int] | None = None,
) -> Components:
    """Decorrelate the bands of an image.

    Time and memory go with the number of bands: what the components are is found from a sample.

    Parameters
    ----------
    samples
        (H, W, B) numbers of any kind in native order, two bands at least.
    valid
        (H, W) bool, False where there is no data, whatever is there; None where all counts.
    shown
        Bands, from 0, that are seen as they are: what they tell of the others is taken from these
        before. None to see the first three principal components.
    """
    height, width, n_bands = samples.shape
    flat = samples.reshape(-1, n_bands)
    places = np.arange(flat.shape[0]) if valid is None else np.flatnonzero(valid)
    step = max(1, places.size // _N_SAMPLED)
    sample = flat[places[step // 2 :: step]].astype(np.float64)
    low, middle, high = np.percentile(sample, (2, 50, 98), axis=0)
    span = high - low
    # A band of nearly one value: what differs is all that it has.
    span = np.where(span > 0, span, np.ptp(sample, axis=0))
    span = np.where(span > 0, span, 1.0)

    exact = samples.dtype.itemsize <= 2 or samples.dtype == np.float32
    kind = np.float32 if exact else np.float64

    def scaled(rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        away: NDArray[np.floating[Any]] = rows.astype(kind)
        away -= middle.astype(kind)
        away /= span.astype(kind)
        return np.clip(away, -_WILD, _WILD, out=away)

    known = scaled(sample).astype(np.float64)
    covariance = np.atleast_2d(np.cov(known, rowvar=False))
    total = float(np.trace(covariance))
    residual = np.eye(n_bands)
    if shown is not None:
        own = [*shown]
        told_by = np.linalg.pinv(covariance[np.ix_(own, own)], hermitian=True)
        residual[own] -= told_by @ covariance[own]
    variances, axes = np.linalg.eigh(residual.T @ covariance @ residual)
    variances, axes = np.maximum(variances[::-1], 0), axes[:, ::-1]
    strongest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[strongest, np.arange(n_bands)] < 0, -1.0, 1.0)
    n_seen = 3 if shown is None else 0
    told = total - float(variances.sum())  # by what is shown
    explained = (told + np.append(0, np.cumsum(variances))) / total if total else np.ones(1)
    n_kept = min(int(np.searchsorted(explained, _ENOUGH)), MOST_COMPONENTS - 3 + n_seen)
    n_kept = max(n_kept, min(n_seen, n_bands))
    axes = residual @ axes[:, :n_kept]

    colors, unit = None, 1.0
    if shown is None:
        ends = np.percentile(known @ axes[:, :3], (2, 98), axis=0)
        unit = float(np.ptp(ends[:, 0])) or float(np.ptp(known @ axes[:, 0])) or 1.0
        centre = ends.mean(axis=0)
        colors = np.full((flat.shape[0], 3), 127, np.uint8)
    further = np.zeros((flat.shape[0], max(0, n_kept - n_seen)), np.float32)
    step = max(1, _STRIP // n_bands)
    for first in range(0, flat.shape[0], step):
        rows = slice(first, first + step)
        with np.errstate(invalid="ignore"):
            values = np.nan_to_num(scaled(flat[rows]) @ axes.astype(kind))
        further[rows] = values[:, n_seen:] * (_LIGHTNESS / unit)
        if colors is not None:
            levels = 127.5 + 255 * (values[:, :3] - centre) / unit
            seen = np.rint(np.clip(levels, 0, 255)).astype(np.uint8)
            for component in range(seen.shape[1]):
                colors[rows, _ORDER[component]] = seen[:, component]
    if valid is not None:
        outside = ~valid.ravel()
        further[outside] = 0
        if colors is not None:
            colors[outside] = 127
    shape = height, width
    return Components(
        None if colors is None else colors.reshape(*shape, 3),
        further.reshape(*shape, further.shape[1]),
        float(explained[: n_seen + 1][-1]),
        float(explained[: n_kept + 1][-1]),
    )
