"""The project's own network: a pretrained encoder, a U-shaped decoder, two heads.

EfficientNet-Lite0 looks at the image from half of its resolution on; a small branch of its own
keeps the pixels. The input is colour alone, so one forward serves every number of superpixels and
the contour prior too. Its features are nested: the first C of them are the best C.
"""

from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor, nn

from spam_pipe.stages.networks.base import Network, Prediction
from spam_pipe.stages.networks.config import EfficientUNetConfig
from spam_pipe.stages.networks.decoder import ConvNorm, Rise
from spam_pipe.stages.networks.efficientnet import TAPS, EfficientNetLite0

_CENTRE = (50.0, 0.0, 0.0)
_SPREAD = (25.0, 15.0, 15.0)
"""Rough mean and standard deviation of L, a, b in photographs."""

_WHITE_D65 = (0.95047, 1.0, 1.08883)
_XYZ_TO_RGB = (
    (3.24048134, -1.53715152, -0.49853633),
    (-0.96925495, 1.87599, 0.04155593),
    (0.05564664, -0.20404134, 1.05731107),
)
"""IEC 61966-2-1."""


class EfficientUNet(Network):
    """EfficientNet-Lite0 and a decoder with a feature head and a contour head.

    Scales of odd size round up on the way down and are cropped on the way up, so any image of
    1×1 or more goes through without padding.
    """

    takes_positions = False
    reach = 320
    stride = 32

    centre: Tensor
    spread: Tensor
    white: Tensor
    xyz_to_rgb: Tensor

    def __init__(self, config: EfficientUNetConfig) -> None:
        super().__init__()
        self.gain = config.gain
        full, half = config.own_widths
        ups = config.up_widths
        self.encoder = EfficientNetLite0()
        self.branch_full = ConvNorm(3, full)
        self.branch_half = ConvNorm(full, half, stride=2)
        laterals = (full, half + TAPS[0], *TAPS[1:4])
        # Full resolution is where the time goes: one convolution there instead of two.
        self.up = nn.ModuleList(
            Rise(below, lateral, width, residual=scale > 1)
            for scale, (below, lateral, width) in enumerate(
                zip((*ups[1:], TAPS[4]), laterals, ups, strict=True)
            )
        )
        self.head = nn.Conv2d(ups[0], config.channels + 1, 1)
        self.sides = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in ups[1:])
        for name, values in (
            ("centre", _CENTRE),
            ("spread", _SPREAD),
            ("white", _WHITE_D65),
        ):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("xyz_to_rgb", torch.tensor(_XYZ_TO_RGB)[..., None, None], False)

    def train(self, mode: bool = True) -> Self:
        """Switch between training and evaluation; the encoder's batch norms keep ImageNet's."""
        super().train(mode)
        self.encoder.eval()
        return self

    def pretrained(self) -> Iterator[nn.Parameter]:
        """Yield the encoder's parameters."""
        return self.encoder.parameters()

    def forward(self, features: Tensor) -> Prediction:
        """Return features and contour logits of (B, 3, H, W) float32 Lab images."""
        full = self.branch_full((features - self.centre) / self.spread)
        half = self.branch_half(full)
        with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
            rgb = self._to_rgb(features) * (255 / 128) - 127 / 128
        finest, *coarser, x = self.encoder(rgb)
        laterals = [full, torch.cat((half, finest), dim=1), *coarser]
        sides: list[Tensor] = []
        for scale in range(len(laterals) - 1, -1, -1):
            x = self.up[scale](x, laterals[scale])
            if self.training and scale > 0:
                sides.insert(0, self.sides[scale - 1](x).float())
        # The features enter a softmax of squared distances: half precision ends before them.
        with torch.autocast(x.device.type, enabled=False):
            out = self.head(x.float())
        return Prediction(out[:, 1:] * self.gain, (out[:, :1], *sides))

    def _to_rgb(self, lab: Tensor) -> Tensor:
        """Return sRGB in 0..1, which the encoder knows from ImageNet, of Lab images."""
        y = (lab[:, :1] + 16) / 116
        f = torch.cat((y + lab[:, 1:2] / 500, y, y - lab[:, 2:3] / 200), dim=1)
        xyz = torch.where(f > 6 / 29, f * f * f, (f - 16 / 116) / 7.787) * self.white
        linear = nn.functional.conv2d(xyz, self.xyz_to_rgb).clamp(0, 1)
        curved = 1.055 * linear.clamp_min(1e-8) ** (1 / 2.4) - 0.055
        return torch.where(linear <= 0.0031308, 12.92 * linear, curved)
