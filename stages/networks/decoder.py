"""Parts of U-shaped networks: convolutions with batch norm and the steps up."""

from torch import Tensor, nn
from torch.nn import functional


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
