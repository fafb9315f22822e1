"""The project's own network: Lab in, deep features and contour probability out.

A residual U-shaped network of five scales with lateral connections. The input is colour alone, so
one forward serves every number of superpixels and the contour prior too.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from spam_pipe.stages.networks.base import Network, Prediction
from spam_pipe.stages.networks.config import TrunkConfig

_CENTRE = (50.0, 0.0, 0.0)
_SPREAD = (25.0, 15.0, 15.0)
"""Rough mean and standard deviation of L, a, b in photographs."""


class ConvNorm(nn.Sequential):
    """Convolution and batch norm, with a ReLU unless `active` is false."""

    def __init__(
        self, inputs: int, outputs: int, size: int = 3, stride: int = 1, active: bool = True
    ) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )
        if active:
            self.append(nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two 3×3 convolutions beside the identity (He et al., CVPR 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvNorm(width, width), ConvNorm(width, width, active=False))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return functional.relu(x + self.body(x))


class Rise(nn.Module):
    """One step up: the coarser scale, doubled, joins the lateral connection."""

    def __init__(self, below: int, lateral: int, width: int, residual: bool) -> None:
        super().__init__()
        self.below = ConvNorm(below, width, size=1, active=False)
        self.lateral = ConvNorm(lateral, width, size=1, active=False)
        self.fuse: nn.Module = Residual(width) if residual else ConvNorm(width, width)

    def forward(self, below: Tensor, lateral: Tensor) -> Tensor:
        """Return (B, width, H, W) for a lateral input of H×W and one below of ⌈H/2⌉×⌈W/2⌉."""
        height, width = lateral.shape[-2:]
        doubled = functional.interpolate(self.below(below), scale_factor=2.0, mode="bilinear")
        fused: Tensor = self.fuse(
            functional.relu(doubled[..., :height, :width] + self.lateral(lateral))
        )
        return fused


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
