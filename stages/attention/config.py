"""Options of the attention modes."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from spam_pipe.stages.base import StageConfig


class AttentionConfig(StageConfig):
    """Options of attention: where superpixels are denser (METHOD.md, section 6)."""

    mode: Literal["none", "visual", "file"] = Field(
        "none",
        description="where superpixels are denser: none (nowhere), visual (what stands out), file "
        "(where the user's factors say)",
    )
    file: str | None = Field(
        None,
        description="file: CSV or JSON of image, x, y, factor or image, object, factor; or a map "
        "of factors (npy, or a PNG from 1 in black to ratio in white) named like its image, or a "
        "folder of such",
    )
    ratio: float = Field(
        2.5,
        ge=1,
        le=100,
        description="visual: foreground objects get this many times their share, as long as the "
        "background keeps a fifth of its own",
    )
    saliency: Literal["background", "dino"] = Field(
        "background",
        description="visual: what finds the foreground: background (robust background detection, "
        "needs no weights) or dino (attention of a ViT; needs the extra `dino` and its weights)",
    )
    threshold: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="visual: mean saliency in 0..1 above which an object is foreground; by "
        "default 0.7 for background, 0.1 for dino",
    )
    checkpoint: str | None = Field(
        None,
        description="dino: a file of weights instead of those that `spam-pipe weights fetch` gets",
    )

    @property
    def decisive(self) -> dict[str, Any]:
        """The options that decide results; none where there is no attention."""
        options = self.model_dump(mode="json")
        return {} if self.mode == "none" else {key: options[key] for key in self.reads}

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of the options that the mode reads."""
        used = {
            "none": ("mode",),
            "visual": ("mode", "ratio", "saliency", "threshold", "checkpoint"),
            "file": ("mode", "file", "ratio"),
        }
        return used[self.mode]

    @model_validator(mode="after")
    def _file_is_named(self) -> Self:
        if self.mode == "file" and self.file is None:
            raise ValueError("the mode file needs a file: name it with --attention FILE")
        return self
