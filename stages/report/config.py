"""Options of the report."""

from pydantic import Field

from spam_pipe.stages.base import StageConfig


class ReportConfig(StageConfig):
    """Options of `spam-pipe report` (METRICS.md, section 7)."""

    bootstrap_samples: int = Field(
        2000, ge=100, le=100_000, description="resamples behind every 95 % interval"
    )
    seed: int = Field(0, ge=0, description="seed of the resampling")
    n_pictures: int = Field(6, ge=0, le=60, description="images on the contact sheet")
    n_picture_counts: int = Field(
        2, ge=1, le=6, description="superpixel counts shown for each of them"
    )
