"""Label maps as every method returns them: numbered 0..n-1."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.regions.label_maps import Labels


def number_labels(
    labels: NDArray[np.integer[Any]], valid: NDArray[np.bool_] | None = None
) -> tuple[Labels, int]:
    """Number the labels that occur 0..n-1, in their order.

    A label is one superpixel, connected or not: what the metrics count too.

    Parameters
    ----------
    labels
        (H, W) integers of any sign, gaps allowed.
    valid
        (H, W) bool, the pixels that count; None where all do.

    Returns
    -------
    The (H, W) int32 labels, -1 where the pixel doesn't count, and n.
    """
    if valid is not None:
        inside, n = number_labels(labels[valid])
        numbered = np.full(labels.shape, -1, np.int32)
        numbered[valid] = inside
        return numbered, n
    names, numbered = np.unique(labels, return_inverse=True)
    return numbered.reshape(labels.shape).astype(np.int32), names.size
