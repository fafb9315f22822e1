"""The inputs and outputs of every network."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from spam_pipe.stages.networks.config import NetworkConfig


class Prediction(NamedTuple):
    """A network's output for a batch of images."""

    deep: Tensor  # (B, C, H, W) float32, the deep features F_e
    # contour logits, float32: the first (B, 1, H, W); while training followed by side outputs at
    # half, a quarter … of the resolution. Empty for a network without a contour head.
    contours: tuple[Tensor, ...] = ()


class Network(nn.Module, ABC):
    """A network that gives deep features for the clustering."""

    # false: the input is Lab, (B, 3, H, W), and one forward serves every number of superpixels.
    # True: the input is the classical features [F_c, F_s], (B, 5, H, W), which depend on it.
    takes_positions: ClassVar[bool]
    # how far, in pixels, an input pixel changes the output by more than a hundredth of its spread;
    # a multiple of `stride`
    reach: ClassVar[int]
    stride: ClassVar[int]  # the coarsest scale's pixel, in the image's pixels
    config: NetworkConfig  # what `stages.networks.registry.build` made it of

    @abstractmethod
    def forward(self, features: Tensor) -> Prediction:
        """Return deep features and contour logits of a batch of images."""

    def pretrained(self) -> Iterator[nn.Parameter]:
        """Yield the parameters that learn slowly, because they start from another task's."""
        return iter(())
