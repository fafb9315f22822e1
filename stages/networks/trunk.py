"""The project's own network: Lab in, deep features and contour probability out.

A residual U-shaped network of five scales with lateral connections. The input is colour alone, so
one forward serves every number of superpixels and the contour prior too.
"""

import torch
from torch import Tensor, nn

from spam_pipe.stages.networks.base import Network, Prediction
from spam_pipe.stages.networks.config import TrunkConfig
from spam_pipe.stages.networks.decoder import ConvNorm, Residual, Rise

_CENTRE = (50.0, 0.0, 0.0)
_SPREAD = (25.0, 15.0, 15.0)
"""Rough mean and standard deviation of L, a, b in photographs."""


class Trunk(Network):
    """Residual U-shaped network with a feature head and a contour head.

    Scales of odd size round up on the way down and are cropped on the way up, so any image of
    1×1 or more goes through without padding.
    """

    takes_positions = False
    reach = 192
    stride = 16

    centre: Tensor
    spread: Tensor

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        self.gain = config.gain
        widths, ups = config.widths, config.up_widths
        self.down = nn.ModuleList(
            nn.Sequential(
                ConvNorm(inputs, width, stride=1 if scale == 0 else 2),
                *(Residual(width) for _ in range(config.blocks[scale])),
            )
            for scale, (inputs, width) in enumerate(zip((3, *widths), widths, strict=False))
        )
        # Full resolution is where the time goes: one convolution there instead of two.
        self.up = nn.ModuleList(
            Rise(below, lateral, width, residual=scale > 1)
            for scale, (below, lateral, width) in enumerate(
                zip((*ups[1:], widths[4]), widths, ups, strict=False)
            )
        )
        self.head = nn.Conv2d(ups[0], config.channels + 1, 1)
        self.sides = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in ups[1:])
        self.register_buffer("centre", torch.tensor(_CENTRE).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(_SPREAD).view(1, 3, 1, 1), persistent=False)

    def forward(self, features: Tensor) -> Prediction:
        """Return features and contour logits of (B, 3, H, W) float32 Lab images."""
        x = (features - self.centre) / self.spread
        laterals = []
        for stage in self.down:
            x = stage(x)
            laterals.append(x)
        sides: list[Tensor] = []
        for scale in range(3, -1, -1):
            x = self.up[scale](x, laterals[scale])
            if self.training and scale > 0:
                sides.insert(0, self._side(scale - 1, x))
        # The features enter a softmax of squared distances: half precision ends before them.
        with torch.autocast(x.device.type, enabled=False):
            out = self.head(x.float())
        return Prediction(out[:, 1:] * self.gain, (out[:, :1], *sides))

    def _side(self, index: int, x: Tensor) -> Tensor:
        logits: Tensor = self.sides[index](x)
        return logits.float()
