"""Options of the prior."""

from typing import Literal

from pydantic import Field, field_validator

from spam_pipe.stages.base import StageConfig


class PriorConfig(StageConfig):
    """Options of `spam-pipe prior` (METHOD.md, section 5)."""

    minimum_area: float | None = Field(
        None,
        ge=0,
        description="masks and objects of at most this many pixels are dropped; "
        "by default sqrt(pixels of the image) / 4",
    )
    opening: int = Field(5, ge=1, le=99, description="side of the opening's square in pixels, odd")
    as_is: bool = Field(
        False, description="the masks are the objects: no opening, nothing dropped or split"
    )

    @field_validator("opening")
    @classmethod
    def _odd(cls, side: int) -> int:
        if side % 2 == 0:
            raise ValueError(f"the opening's side must be odd, not {side}")
        return side


class CutConfig(StageConfig):
    """Options of choosing a prior's objects for a number of superpixels."""

    prior_mode: Literal["cut", "paper"] = Field(
        "cut",
        description="cut: the prior's merge tree is cut for each K; "
        "paper: the K largest objects stay, the others become uncertain",
    )
    rho: float = Field(0.5, gt=0, le=1, description="cut: at most rho * K objects")
    tau: float = Field(
        0.5, ge=0, le=1, description="cut: neighbours with a weaker common border are merged"
    )
