"""Label maps as every method returns them: numbered 0..n-1."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.segment.nearest import Labels


def number_labels(labels: NDArray[np.integer[Any]]) -> tuple[Labels, int]:
    """Number the labels that occur 0..n-1, in their order.

    A label is one superpixel, connected or not: what the metrics count too.

    Parameters
    ----------
    labels
        (H, W) integers of any sign, gaps allowed.

    Returns
    -------
    The (H, W) int32 labels, and n.
    """
    names, numbered = np.unique(labels, return_inverse=True)
    return numbered.reshape(labels.shape).astype(np.int32), names.size
