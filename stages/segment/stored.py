"""Superpixels as a store keeps them, and as other code reads them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.base import Output
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.names import NESTED
from spam_pipe.stages.prior.cut import contour_of, objects_for


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


def start_label_of(attributes: Mapping[str, Any]) -> int:
    """Return the first superpixel's label: 1 where label 0 marks pixels without data, else 0."""
    return int(attributes.get("start_label", 0))


def labels_of(made: Output) -> NDArray[np.int32]:
    """Return (H, W) int32 labels 0..n-1, -1 outside of the valid pixels."""
    return made.arrays["labels"].astype(np.int32) - np.int32(start_label_of(made.attributes))


def valid_of(made: Output) -> NDArray[np.bool_] | None:
    """Return the (H, W) mask of the pixels that a segmentation is of; None where it is of all."""
    if not start_label_of(made.attributes):
        return None
    inside: NDArray[np.bool_] = made.arrays["labels"] > 0
    return inside


def objects_of(
    made: Output, prior: Output | None, config: SegmentConfig
) -> NDArray[np.integer[Any]] | None:
    """Return the objects that a segmentation's labels keep to.

    Parameters
    ----------
    made
        What the stage made for one count.
    prior
        What it was made from; None where it had no prior or that is not known.
    config
        The stage's options.

    Returns
    -------
    (H, W) integers, 0 = uncertain: those stored beside the labels of an image by blocks, else the
    prior's for the count that was asked for, at most one a pixel; of a level of a hierarchy those
    that it keeps, which are not known of an image by blocks. None without objects.
    """
    if "objects" in made.arrays:
        return made.arrays["objects"]
    if prior is None:
        return None
    labels = made.arrays["labels"]
    n_pixels = int(np.count_nonzero(labels >= start_label_of(made.attributes)))
    count = min(int(made.attributes["n_requested"]), n_pixels)
    if config.method in NESTED:
        from spam_pipe.stages.hierarchy.nest import kept_objects
        from spam_pipe.stages.hierarchy.objects import prior_of

        whole = prior_of(prior.arrays, valid_of(made))
        if whole is None or "n_windows" in made.attributes:
            return None
        return kept_objects(whole, count, min(config.spam_nested.finest, n_pixels), config)
    return objects_for(prior.arrays, contour_of(prior.arrays), count, config.resolved)
