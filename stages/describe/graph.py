"""Neighbouring superpixels, and the borders between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.describe.moments import means
from spam_pipe.stages.describe.numbering import check_fit, number
from spam_pipe.stages.numeric import native, without_mask
from spam_pipe.stages.regions.adjacency import borders


def graph(
    labels: NDArray[np.integer[Any]],
    image: NDArray[Any] | None = None,
    *,
    contour: NDArray[np.floating[Any]] | None = None,
    start_label: int = 0,
) -> pd.DataFrame:
    """Return the region adjacency graph of an image, one row per pair of neighbours.

    Neighbours have a border of one pixel side at least in common; a corner does not count.

    Parameters
    ----------
    labels
        (H, W) integers, gaps allowed.
    image
        (H, W) or (H, W, B) numbers of any range; (H, W, 3) uint8 is sRGB.
    contour
        (H, W) contour strength, such as a probability in 0..1.
    start_label
        Labels below it are no superpixels: 0 leaves negative labels out, 1 also 0.

    Returns
    -------
    Sorted by ``source`` and ``target``, labels with source < target. ``border_length`` in
    pixel sides. With a contour ``contour``, its mean along the border (of each pair of
    pixels that face each other, the mean of the two). With an image ``color_distance``, the
    Euclidean distance of the two mean colours: in CIELab for 8-bit sRGB (CIE76), in the
    image's own bands otherwise.

    Raises
    ------
    ValueError
        When arrays don't fit each other, or nothing is a superpixel.

    Examples
    --------
    >>> import numpy as np
    >>> import spam_pipe
    >>> labels = np.array([[0, 0, 1], [0, 0, 1]])
    >>> spam_pipe.graph(labels, np.array([[1, 1, 5], [3, 3, 5]], np.uint8))
       source  target  border_length  color_distance
    0       0       1              2             3.0
    """
    index, ids = number(labels, start_label)
    if contour is not None:
        check_fit("a contour", contour, index)
    strength = np.zeros(index.shape, np.float32) if contour is None else contour
    found = borders(index, np.ascontiguousarray(strength, np.float32))
    columns: dict[str, NDArray[Any]] = {
        "source": ids[found.first],
        "target": ids[found.second],
        "border_length": found.length,
    }
    if contour is not None:
        columns["contour"] = found.strength
    if image is not None:
        check_fit("an image", image, index)
        colors = native(np.ascontiguousarray(without_mask(image).reshape(*index.shape, -1)))
        if colors.shape[2] == 3 and colors.dtype == np.uint8:
            colors = rgb_to_lab(colors)
        area = np.bincount(index[index >= 0], minlength=ids.size)
        mean = means(index, area, colors)
        between = mean[found.first] - mean[found.second]
        columns["color_distance"] = np.sqrt((between**2).sum(axis=1))
    return pd.DataFrame(columns)
