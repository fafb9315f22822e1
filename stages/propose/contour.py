"""The learned prior: regions between the contours that the project's own network sees."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.hierarchy import volume_hierarchy
from spam_pipe.stages.propose.proposal import Proposal

if TYPE_CHECKING:
    from spam_pipe.stages.networks.engines import Model
    from spam_pipe.stages.networks.forward import Encoder


def setup(config: ProposeConfig, device: str) -> "Model":
    """Load the network and compile the hierarchy's kernels; return the network's model.

    Raises
    ------
    ValueError
        When the weights' network has no contour head.
    """
    from spam_pipe.stages.networks.memory import encoder

    black = np.zeros((8, 8, 3), np.float32)
    model = config.contour.model(device)
    network = encoder(model)
    if network.takes_positions or network.forward(black).contour is None:
        raise ValueError(
            f"propose.contour.weights: the network of {config.contour.weights} has no contour head"
        )
    volume_hierarchy(np.zeros((2, 2), np.float32))
    return model


def propose(inputs: Inputs, config: ProposeConfig, resources: Any) -> Proposal:
    """Flood the contour probability; the hierarchy of its basins is the proposal."""
    from spam_pipe.stages.networks.memory import encoder, forward

    assert inputs.image is not None
    lab = rgb_to_lab(inputs.image)
    contour = forward(resources, inputs.image_digest, lab).contour
    assert contour is not None
    if config.contour.extra_scales:
        network = encoder(resources)
        others = [contour_at_scale(network, lab, scale) for scale in config.contour.extra_scales]
        contour = np.mean([contour, *others], axis=0, dtype=np.float32)
    partition = volume_hierarchy(contour, config.contour.max_regions)
    return Proposal(partition=partition, contour=contour)


def contour_at_scale(
    network: "Encoder", lab: NDArray[np.float32], scale: float
) -> NDArray[np.float32]:
    """Return the contours that a network sees in an image of another size.

    Parameters
    ----------
    network
        With a contour head.
    lab
        (H, W, 3) float32, CIELab.
    scale
        Factor of both sides; the network sees a pixel at least.

    Returns
    -------
    (H, W) float32 in [0, 1], brought back to the image's size.
    """
    from skimage.transform import resize  # a fifth of a second that the default need not wait

    height, width = lab.shape[:2]
    shape = (max(1, round(height * scale)), max(1, round(width * scale)))
    smaller = scale < 1
    zoomed = resize(lab, shape, order=1, anti_aliasing=smaller, preserve_range=True)
    contour = network.forward(zoomed.astype(np.float32)).contour
    assert contour is not None
    back: NDArray[np.float32] = resize(contour, (height, width), order=1, anti_aliasing=not smaller)
    return np.clip(back, 0, 1)
