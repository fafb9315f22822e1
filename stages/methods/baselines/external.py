"""Superpixels that another program made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spam_pipe.stages.methods.baselines.numbering import number_labels
from spam_pipe.stages.scene import Scene, Segmentation

if TYPE_CHECKING:
    from spam_pipe.stages.methods.config import SegmentConfig


def external(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Take the label map given for that number, as it is but for the labels' names.

    Raises
    ------
    ValueError
        When there is none, or it is not of the image's size.
    """
    labels = scene.external.get(n_superpixels)
    if labels is None:
        found = ", ".join(map(str, sorted(scene.external))) or "none"
        raise ValueError(
            f"{config.method} has no label map for {n_superpixels} superpixels "
            f"(there is one for: {found})"
        )
    if labels.shape != scene.image.shape[:2]:
        raise ValueError(
            f"{config.method}'s label map for {n_superpixels} superpixels is {labels.shape} "
            f"where the image is {scene.image.shape[:2]}"
        )
    return Segmentation(number_labels(labels, scene.valid)[0])
