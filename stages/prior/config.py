"""Options of the prior."""

from pydantic import Field, field_validator

from spam_pipe.stages.base import StageConfig


class PriorConfig(StageConfig):
    """Options of `spam-pipe prior` (SPAM.md, section 5)."""

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
