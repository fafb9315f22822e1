"""The learned prior: regions between the contours that the project's own network sees."""

from typing import Any

import numpy as np

from stages.base import Inputs
from stages.propose.config import ProposeConfig
from stages.propose.hierarchy import volume_hierarchy
from stages.propose.proposal import Proposal
from stages.segment.features import rgb_to_lab


def setup(config: ProposeConfig, device: str) -> str:
    """Load the network and compile the hierarchy's kernels; return the device.

    Raises
    ------
    ValueError
        When the weights' network has no contour head.
    """
    from stages.networks.memory import encoder

    black = np.zeros((8, 8, 3), np.float32)
    network = encoder(config.contour.weights, device)
    if network.takes_positions or network.forward(black).contour is None:
        raise ValueError(
            f"propose.contour.weights: the network of {config.contour.weights} has no contour head"
        )
    volume_hierarchy(np.zeros((2, 2), np.float32))
    return device


def propose(inputs: Inputs, config: ProposeConfig, resources: Any) -> Proposal:
    """Flood the contour probability; the hierarchy of its basins is the proposal."""
    from stages.networks.memory import forward

    assert inputs.image is not None
    lab = rgb_to_lab(inputs.image)
    contour = forward(config.contour.weights, resources, inputs.image_digest, lab).contour
    assert contour is not None
    partition = volume_hierarchy(contour, config.contour.max_regions)
    return Proposal(partition=partition, contour=contour)
