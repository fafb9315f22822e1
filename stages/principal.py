"""Many bands as three: their first principal components.

Bands are scaled robustly (by the span of their middle 96 %), so that neither a band's unit nor a
few wild pixels decide; components are uncorrelated and keep their variances relative to the first.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_N_SAMPLED = 2**14
"""Pixels that say what the components are: enough for hundreds of bands, whatever the image."""

_WILD = 2.0
"""Spans from the median beyond which a value says no more."""

_STRIP = 2**20  # values at once
_ORDER = (1, 0, 2)
"""Which component is red, green and blue: the first one is seen best as green."""


def first_components(
    samples: NDArray[Any], valid: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.uint8], float]:
    """Return an image of many bands as a picture in false colours.

    Time and memory go with the number of bands: what the components are is found from a sample.

    Parameters
    ----------
    samples
        (H, W, B) numbers of any kind in native order, two bands at least.
    valid
        (H, W) bool, False where there is no data, whatever is there; None where all counts.

    Returns
    -------
    colors
        (H, W, 3) uint8; 127 in a component that there is none of, and where there is no data.
    share
        Of the bands' variance, scaled as said, what the three keep.
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

    def scaled(rows: NDArray[Any]) -> NDArray[np.float64]:
        return np.clip((rows.astype(np.float64) - middle) / span, -_WILD, _WILD)

    known = scaled(sample)
    variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(known, rowvar=False)))
    total = float(variances.sum())
    axes = axes[:, ::-1][:, :3]
    strongest = np.abs(axes).argmax(axis=0)
    axes *= np.where(axes[strongest, np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    projected = known @ axes
    ends = np.percentile(projected, (2, 50, 98), axis=0)
    width_of_first = float(ends[2, 0] - ends[0, 0]) or float(np.ptp(projected[:, 0])) or 1.0
    centre = (ends[0] + ends[2]) / 2
    colors = np.full((flat.shape[0], 3), 127, np.uint8)
    for first in range(0, flat.shape[0], max(1, _STRIP // n_bands)):
        rows = slice(first, first + max(1, _STRIP // n_bands))
        values = scaled(flat[rows]) @ axes
        levels = 127.5 + 255 * (values - centre) / width_of_first
        seen = np.rint(np.clip(np.nan_to_num(levels, nan=127.0), 0, 255)).astype(np.uint8)
        for component in range(seen.shape[1]):
            colors[rows, _ORDER[component]] = seen[:, component]
    if valid is not None:
        colors[~valid.ravel()] = 127
    share = float(variances[::-1][:3].sum() / total) if total > 0 else 1.0
    return colors.reshape(height, width, 3), share
