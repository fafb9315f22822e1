"""The encoder of EfficientNet-Lite0 (Tan and Le, ICML 2019; Lite: no squeeze, ReLU6, 2020)."""

from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn


class _Stage(NamedTuple):
    blocks: int
    kernel: int
    stride: int
    expansion: int
    width: int


_STEM = 32
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
)
"""Lite0 without its last block and its classifier, which only a classification needs."""

TAPS = (16, 24, 40, 112, 192)
"""Channels of what `EfficientNetLite0` returns, at strides 2, 4, 8, 16 and 32."""


class EfficientNetLite0(nn.Module):
    """Feature maps at five scales."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_convolution(3, _STEM, 3, 2), nn.ReLU6(inplace=True))
        widths = (_STEM, *(stage.width for stage in _STAGES))
        self.stages = nn.ModuleList(
            nn.Sequential(
                *(
                    InvertedResidual(
                        inputs if index == 0 else stage.width,
                        stage.width,
                        stage.kernel,
                        stage.stride if index == 0 else 1,
                        stage.expansion,
                    )
                    for index in range(stage.blocks)
                )
            )
            for stage, (inputs, _) in zip(_STAGES, pairwise(widths), strict=True)
        )

    def forward(self, rgb: Tensor) -> list[Tensor]:
        """Return the last feature map of each scale, the finest first.

        Parameters
        ----------
        rgb
            (B, 3, H, W), sRGB in 0..255 less 127, divided by 128. Sides are rounded up at
            each halving.
        """
        x = self.stem(rgb)
        maps = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            last = index + 1 == len(_STAGES) or _STAGES[index + 1].stride == 2
            if last:
                maps.append(x)
        return maps


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, projection (Sandler et al., CVPR 2018)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.body = nn.Sequential()
        if expansion > 1:
            self.body.extend((*_convolution(inputs, hidden, 1), nn.ReLU6(inplace=True)))
        self.body.extend(
            (
                *_convolution(hidden, hidden, kernel, stride, groups=hidden),
                nn.ReLU6(inplace=True),
                *_convolution(hidden, outputs, 1),
            )
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, ⌈H/stride⌉, ⌈W/stride⌉)."""
        y: Tensor = self.body(x)
        return x + y if self.residual else y


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, nn.Module]:
    return (
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
    )
