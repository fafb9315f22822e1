"""What every network takes and gives."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from spam_pipe.stages.networks.config import NetworkConfig


class Prediction(NamedTuple):
    """A network's output for a batch of images.

    Attributes
    ----------
    deep
        (B, C, H, W) float32, the deep features F_e.
    contours
        Contour logits, float32: the first (B, 1, H, W); while training followed by side outputs
        at half, a quarter … of the resolution. Empty for a network without a contour head.
    """

    deep: Tensor
    contours: tuple[Tensor, ...] = ()


class Network(nn.Module, ABC):
    """A network that gives deep features for the clustering.

    Attributes
    ----------
    takes_positions
        False: the input is Lab, (B, 3, H, W), and one forward serves every number of
        superpixels. True: the input is the classical features [F_c, F_s], (B, 5, H, W), which
        depend on it.
    reach
        How far, in pixels, an input pixel changes the output by more than a hundredth of its
        spread; a multiple of `stride`.
    stride
        The coarsest scale's pixel, in the image's pixels.
    config
        What `stages.networks.registry.build` made it of.
    """

    takes_positions: ClassVar[bool]
    reach: ClassVar[int]
    stride: ClassVar[int]
    config: NetworkConfig

    @abstractmethod
    def forward(self, features: Tensor) -> Prediction:
        """Return deep features and contour logits of a batch of images."""

    def pretrained(self) -> Iterator[nn.Parameter]:
        """Yield the parameters that learn slowly, because they start from another task's."""
        return iter(())
