"""A row of figures for every superpixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.describe.moments import deviations, means
from spam_pipe.stages.describe.numbering import check_fit, number
from spam_pipe.stages.describe.ownership import owners
from spam_pipe.stages.describe.shapes import shapes
from spam_pipe.stages.numeric import native, without_mask

_NAMES = {1: ("gray",), 3: ("red", "green", "blue")}


def table(
    labels: NDArray[np.integer[Any]],
    image: NDArray[Any] | None = None,
    *,
    bands: Sequence[str] | None = None,
    objects: NDArray[np.integer[Any]] | None = None,
    features: NDArray[np.floating[Any]] | None = None,
    start_label: int = 0,
) -> pd.DataFrame:
    """Describe the superpixels of an image, one row each.

    Parameters
    ----------
    labels
        (H, W) integers, gaps allowed.
    image
        (H, W) or (H, W, B) numbers of any range.
    bands
        Names of the image's bands; by default gray, red, green and blue, or band_1 to band_B.
    objects
        (H, W) integers, objects of a prior from 1, 0 = uncertain.
    features
        (H, W, C) float32, deep features.
    start_label
        Labels below it are no superpixels: 0 leaves negative labels out, 1 also 0.

    Returns
    -------
    Sorted by ``id``, the label. ``area`` in pixels; ``row`` and ``column`` of the centroid,
    whole numbers being pixel centres; the bounding box ``top``, ``left``, ``bottom``,
    ``right``, the last two exclusive; ``perimeter`` in pixel sides; ``compactness``,
    4π · area / perimeter² (Schick et al., ICPR 2012), at most π/4. With an image
    ``mean_<band>`` and ``std_<band>`` (of the population), and for 8-bit sRGB the mean CIELab
    ``lab_l``, ``lab_a``, ``lab_b``. With objects ``object``, to which most certain pixels
    belong (0 = none). With features their means ``feature_0`` …

    Raises
    ------
    ValueError
        When arrays don't fit each other, or nothing is a superpixel.

    Examples
    --------
    >>> import numpy as np
    >>> import spam_pipe
    >>> labels = np.array([[0, 0, 1], [0, 0, 1]])
    >>> figures = spam_pipe.table(labels, np.array([[1, 1, 5], [3, 3, 5]], np.uint8))
    >>> figures[["id", "area", "row", "column", "perimeter", "mean_gray", "std_gray"]]
       id  area  row  column  perimeter  mean_gray  std_gray
    0   0     4  0.5     0.5          8        2.0       1.0
    1   1     2  0.5     2.0          6        5.0       0.0
    """
    index, ids = number(labels, start_label)
    shape = shapes(index, ids.size)
    columns: dict[str, NDArray[Any]] = {"id": ids, **shape._asdict()}
    columns["compactness"] = 4 * np.pi * shape.area / shape.perimeter.astype(np.float64) ** 2
    if image is not None:
        check_fit("an image", image, index)
        samples = native(np.ascontiguousarray(without_mask(image).reshape(*index.shape, -1)))
        mean = means(index, shape.area, samples)
        deviation = deviations(index, shape.area, samples, mean)
        for band, name in enumerate(_names(bands, samples.shape[2])):
            columns[f"mean_{name}"], columns[f"std_{name}"] = mean[:, band], deviation[:, band]
        if samples.shape[2] == 3 and samples.dtype == np.uint8:
            lab = means(index, shape.area, rgb_to_lab(samples))
            columns |= {f"lab_{axis}": lab[:, i] for i, axis in enumerate("lab")}
    if objects is not None:
        check_fit("objects", objects, index)
        columns["object"] = owners(index, ids.size, objects)
    if features is not None:
        check_fit("features", features, index)
        deep = means(index, shape.area, native(np.ascontiguousarray(without_mask(features))))
        columns |= {f"feature_{i}": deep[:, i] for i in range(deep.shape[1])}
    return pd.DataFrame(columns)


def _names(given: Sequence[str] | None, n: int) -> Sequence[str]:
    if given is None:
        return _NAMES.get(n) or [f"band_{band}" for band in range(1, n + 1)]
    if len(given) != n:
        raise ValueError(f"{len(given)} names for an image of {n} bands")
    return given
