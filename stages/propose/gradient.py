"""A prior without learning: regions of even colour, from the image's gradient alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.propose.config import GradientConfig, ProposeConfig
from spam_pipe.stages.propose.hierarchy import volume_hierarchy
from spam_pipe.stages.propose.proposal import Proposal

_BAND = 1024


def setup(config: ProposeConfig, device: str) -> None:
    """Compile the hierarchy's kernels."""
    volume_hierarchy(np.zeros((2, 2), np.float32))


def propose(inputs: Inputs, config: ProposeConfig, resources: None) -> Proposal:
    """Flood the image's gradient; the hierarchy of its basins is the proposal."""
    assert inputs.image is not None
    options = config.gradient
    strength = gradient_strength(inputs.image, options.sigma, options.half_strength)
    return Proposal(partition=volume_hierarchy(strength, options.max_regions), contour=strength)


def gradient_strength(
    image: NDArray[np.uint8],
    sigma: float = GradientConfig().sigma,
    half_strength: float = GradientConfig().half_strength,
) -> NDArray[np.float32]:
    """Say how strongly the colour changes at each pixel.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    sigma
        Standard deviation in pixels of the Gaussian that smooths the Lab channels first.
    half_strength
        Norm of the gradient over the three channels, in Lab units per pixel, that counts as 0.5.

    Returns
    -------
    (H, W) float32 in [0, 1): g / (g + half_strength) of the norm g.
    """
    strength = np.empty(image.shape[:2], np.float32)
    # Band by band, because the filters take a hundred bytes a pixel; each sees as far as it looks.
    reach = int(4 * sigma + 0.5) + 1
    for top in range(0, len(image), _BAND):
        first = max(top - reach, 0)
        seen = image[first : top + _BAND + reach]
        band = _strength_of(seen, sigma, half_strength)
        strength[top : top + _BAND] = band[top - first : top - first + _BAND]
    return strength


def _strength_of(
    image: NDArray[np.uint8], sigma: float, half_strength: float
) -> NDArray[np.float32]:
    smooth = gaussian_filter(rgb_to_lab(image), (sigma, sigma, 0), mode="nearest")
    squared = np.zeros(image.shape[:2], np.float32)
    for axis in (0, 1):
        if image.shape[axis] > 1:
            slope: NDArray[Any] = np.gradient(smooth, axis=axis)
            squared += (slope * slope).sum(axis=2)
    norm = np.sqrt(squared)
    return (norm / (norm + np.float32(half_strength))).astype(np.float32)
