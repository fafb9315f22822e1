"""Options of the evaluation."""

from pydantic import Field

from spam_pipe.stages.base import StageConfig


class EvaluateConfig(StageConfig):
    """Options of `spam-pipe evaluate`."""

    boundary_tolerance: float = Field(
        0.0025,
        ge=0,
        le=1,
        description="boundary recall and precision: tolerance as a share of the image's diagonal",
    )
