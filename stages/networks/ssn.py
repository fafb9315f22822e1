"""The paper's encoder, SSN's (METHOD.md, section 1; Jampani et al., ECCV 2018)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from spam_pipe.stages.networks.base import Network, Prediction
from spam_pipe.stages.networks.config import SsnConfig

CLASSICAL = 5
"""Input channels: L, a, b, row, column, all scaled."""


class Ssn(Network):
    """Three scales of two convolutions, brought together at full resolution."""

    takes_positions = True
    reach = 32
    stride = 4

    def __init__(self, config: SsnConfig) -> None:
        super().__init__()
        self.gain = config.gain
        width = config.width
        self.scale1 = self._scale(CLASSICAL, config)
        self.scale2 = self._scale(width, config)
        self.scale3 = self._scale(width, config)
        self.output = self._layer(
            CLASSICAL + 3 * width, config.channels, config.padding, norm=config.output_norm
        )

    def forward(self, features: Tensor) -> Prediction:
        """Return the features of (B, 5, H, W) float32 scaled colours and positions."""
        first = self.scale1(features)
        second = self.scale2(functional.max_pool2d(first, 3, stride=2, padding=1))
        third = self.scale3(functional.max_pool2d(second, 3, stride=2, padding=1))
        height, width = features.shape[-2:]
        # By a fixed factor and cropped, so that the output does not depend on where the image ends.
        coarse = [
            functional.interpolate(x, scale_factor=factor, mode="bilinear")[..., :height, :width]
            for x, factor in ((second, 2.0), (third, 4.0))
        ]
        out = self.output(torch.cat((features, first, *coarse), dim=1))
        return Prediction(out.float() * self.gain)

    def _scale(self, inputs: int, config: SsnConfig) -> nn.Sequential:
        return nn.Sequential(
            self._layer(inputs, config.width, config.padding),
            self._layer(config.width, config.width, config.padding),
        )

    @staticmethod
    def _layer(
        inputs: int, outputs: int, padding: Literal["replicate", "zeros"], norm: bool = True
    ) -> nn.Sequential:
        layer = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode=padding, bias=not norm)
        )
        if norm:
            layer.append(nn.BatchNorm2d(outputs))
        return layer.append(nn.ReLU(inplace=True))
