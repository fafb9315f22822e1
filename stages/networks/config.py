"""Options that decide a network's shape; they travel inside its weights file."""

from typing import Annotated, Literal

from pydantic import Field

from stages.base import StageConfig


class TrunkConfig(StageConfig):
    """Shape of the project's own network (`stages.networks.trunk`)."""

    name: Literal["trunk"] = "trunk"
    channels: int = Field(15, ge=1, description="deep channels, D - 5")
    gain: float = Field(10.0, gt=0, description="fixed factor of the deep channels")
    widths: tuple[int, int, int, int, int] = Field(
        (16, 32, 64, 96, 112), description="channels on the way down, by scale"
    )
    blocks: tuple[int, int, int, int, int] = Field(
        (0, 1, 1, 2, 1), description="residual blocks on the way down, by scale"
    )
    up_widths: tuple[int, int, int, int] = Field(
        (24, 32, 48, 64), description="channels on the way up, from full resolution on"
    )


class SsnConfig(StageConfig):
    """Shape of the paper's encoder (`stages.networks.ssn`)."""

    name: Literal["ssn"] = "ssn"
    channels: int = Field(15, ge=1, description="deep channels, D - 5")
    gain: float = Field(10.0, gt=0, description="fixed factor of the deep channels")
    width: int = Field(64, ge=1, description="channels of every hidden layer")
    padding: Literal["replicate", "zeros"] = "replicate"
    output_norm: bool = Field(True, description="batch norm after the last convolution")


NetworkConfig = Annotated[TrunkConfig | SsnConfig, Field(discriminator="name")]
