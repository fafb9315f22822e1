"""The saliency of an image, by the chosen source."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.attention.config import AttentionConfig

THRESHOLDS = {"background": 0.7, "dino": 0.1}
"""Mean saliency above which an object is foreground: DINO's is the paper's, the other was measured
on BSD val."""


def find_saliency(
    image: NDArray[np.uint8],
    lab: NDArray[np.float32],
    config: AttentionConfig,
    checkpoint: Path | None = None,
    device: str = "cpu",
) -> NDArray[np.float32]:
    """Return the saliency of each pixel.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    lab
        (H, W, 3) float32 CIELab of it.
    config
        Which source.
    checkpoint
        The weights of ``dino``.
    device
        Where a network computes.

    Returns
    -------
    (H, W) float32 in 0..1.

    Raises
    ------
    ValueError
        When the weights are not those of such a network.
    """
    if config.saliency == "dino":
        from spam_pipe.stages.attention.dino import attention_saliency, load_vision_transformer

        assert checkpoint is not None
        return attention_saliency(image, load_vision_transformer(checkpoint, device), device)
    from spam_pipe.stages.attention.background import background_saliency

    return background_saliency(lab)


def threshold_of(config: AttentionConfig) -> float:
    """Return the threshold that the user set, else the source's."""
    return THRESHOLDS[config.saliency] if config.threshold is None else config.threshold
