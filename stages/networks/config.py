"""Options that decide a network's shape; they travel inside its weights file."""

from typing import Annotated, Literal

from pydantic import Field

from spam_pipe.stages.base import StageConfig

# Weights files bring their config: what is absurd must not be built.
Width = Annotated[int, Field(ge=1, le=4096)]
Blocks = Annotated[int, Field(ge=0, le=64)]


class TrunkConfig(StageConfig):
    """Shape of the project's own network (`stages.networks.trunk`)."""

    name: Literal["trunk"] = "trunk"
    channels: Width = Field(15, description="deep channels, D - 5")
    gain: float = Field(10.0, gt=0, description="fixed factor of the deep channels")
    widths: tuple[Width, Width, Width, Width, Width] = Field(
        (16, 32, 64, 96, 112), description="channels on the way down, by scale"
    )
    blocks: tuple[Blocks, Blocks, Blocks, Blocks, Blocks] = Field(
        (0, 1, 1, 2, 1), description="residual blocks on the way down, by scale"
    )
    up_widths: tuple[Width, Width, Width, Width] = Field(
        (24, 32, 48, 64), description="channels on the way up, from full resolution on"
    )


class EfficientUNetConfig(StageConfig):
    """Shape of the project's own network (`stages.networks.efficientunet`)."""

    name: Literal["efficientunet"] = "efficientunet"
    channels: Width = Field(25, description="deep channels, D - 5, the most that can be asked for")
    gain: float = Field(10.0, gt=0, description="fixed factor of the deep channels")
    own_widths: tuple[Width, Width] = Field(
        (16, 32), description="channels of the branch of its own, at full and half resolution"
    )
    up_widths: tuple[Width, Width, Width, Width, Width] = Field(
        (24, 32, 48, 64, 96), description="channels on the way up, from full resolution on"
    )


class SsnConfig(StageConfig):
    """Shape of the paper's encoder (`stages.networks.ssn`)."""

    name: Literal["ssn"] = "ssn"
    channels: Width = Field(15, description="deep channels, D - 5")
    gain: float = Field(10.0, gt=0, description="fixed factor of the deep channels")
    width: Width = Field(64, description="channels of every hidden layer")
    padding: Literal["replicate", "zeros"] = "replicate"
    output_norm: bool = Field(True, description="batch norm after the last convolution")


NetworkConfig = Annotated[
    TrunkConfig | EfficientUNetConfig | SsnConfig, Field(discriminator="name")
]
