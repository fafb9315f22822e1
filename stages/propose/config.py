"""Options of the proposals."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from stages.base import StageConfig
from stages.propose.sources import known_source


class GradientConfig(StageConfig):
    """Options of the gradient source."""

    sigma: float = Field(
        2.0, gt=0, le=32, description="standard deviation of the smoothing, in pixels"
    )
    half_strength: float = Field(
        3.0, gt=0, description="Lab units per pixel of a border of strength one half"
    )
    max_regions: int = Field(
        4096, ge=1, description="regions of the finest partition: those that merge last"
    )


class ContourConfig(StageConfig):
    """Options of the contour source."""

    weights: str = Field(
        "trunk", description="network with a contour head: shipped weights by name, or a file"
    )
    max_regions: int = Field(
        4096, ge=1, description="regions of the finest partition: those that merge last"
    )


class ProposeConfig(StageConfig):
    """Options of `spam-pipe propose` (SPAM.md, section 5)."""

    source: Annotated[str, AfterValidator(known_source)] = Field(
        "contour", description="where proposals come from: none, contour, gradient, masks"
    )
    masks: str | None = Field(
        None, description="masks: the folder of the user's segmentations, named like the images"
    )
    contour: ContourConfig = ContourConfig()
    gradient: GradientConfig = GradientConfig()

    @model_validator(mode="after")
    def _masks_are_somewhere(self) -> Self:
        if self.source == "masks" and self.masks is None:
            raise ValueError("the source masks needs a folder: name it with --masks FOLDER")
        return self
