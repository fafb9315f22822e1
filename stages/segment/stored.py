"""Superpixels as a store keeps them, and as everybody else wants them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def stored_labels(
    labels: NDArray[np.int32],
) -> tuple[NDArray[np.unsignedinteger[Any]], dict[str, int]]:
    """Turn labels into unsigned integers.

    Parameters
    ----------
    labels
        (H, W) int32, 0..n-1, or -1 outside of the valid pixels.

    Returns
    -------
    (H, W) uint16, uint32 where they don't fit, of the same labels; where some are outside 0 there
    and 1..n elsewhere. And the attributes that `labels_of` needs to tell: ``start_label`` = 1 in
    that case, none otherwise.
    """
    attributes = {}
    if labels.min() < 0:
        labels, attributes = labels + 1, {"start_label": 1}
    return labels.astype(np.uint16 if labels.max() < 65535 else np.uint32), attributes


def labels_of(
    arrays: Mapping[str, NDArray[Any]], attributes: Mapping[str, Any]
) -> NDArray[np.int32]:
    """Read a segmentation's output.

    Parameters
    ----------
    arrays, attributes
        Of the segment stage: ``labels``, and ``start_label`` = 1 where label 0 is outside.

    Returns
    -------
    (H, W) int32 labels 0..n-1, -1 outside of the valid pixels.
    """
    return arrays["labels"].astype(np.int32) - np.int32(attributes.get("start_label", 0))


def valid_of(
    arrays: Mapping[str, NDArray[Any]], attributes: Mapping[str, Any]
) -> NDArray[np.bool_] | None:
    """Return the (H, W) mask of the pixels that a segmentation is of; None where it is of all."""
    if not attributes.get("start_label", 0):
        return None
    inside: NDArray[np.bool_] = arrays["labels"] > 0
    return inside
