"""Options of `spam-pipe train`."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from spam_pipe.stages.base import StageConfig
from spam_pipe.stages.networks.config import EfficientUNetConfig, NetworkConfig


class AugmentConfig(StageConfig):
    """Options of drawing training samples from the images."""

    crop: int = Field(200, ge=8, description="side of the square samples, pixels")
    annotators: int = Field(
        3, ge=1, description="annotators whose regions one sample carries, at most"
    )
    scale_deviation: float = Field(0.75, ge=0, description="standard deviation of the zoom")
    scale_range: tuple[float, float] = Field((0.75, 3.0), description="least and largest zoom")
    flip: float = Field(0.5, ge=0, le=1, description="share of samples mirrored")
    paste: float = Field(
        0.3, ge=0, le=1, description="share of samples with a region of another image pasted in"
    )
    lightness_jitter: float = Field(
        0.15, ge=0, lt=1, description="largest relative change of contrast and of brightness"
    )
    color_jitter: float = Field(0.2, ge=0, lt=1, description="largest relative change of chroma")
    hue_jitter: float = Field(0.15, ge=0, description="largest turn of the hue, radians")


class LossConfig(StageConfig):
    """Weights of the terms that training minimises."""

    labels: float = Field(10.0, ge=0, description="cross-entropy of the reconstructed labels")
    compactness: float = Field(
        1e-5, ge=0, description="squared distance to the superpixels, in scaled positions"
    )
    contours: float = Field(1.0, ge=0, description="class-balanced contour loss")
    side_outputs: float = Field(0.5, ge=0, description="each side output, beside the contours")
    contour_share: float = Field(
        0.2, gt=0, le=1, description="a contour is what this share of the annotators mark"
    )


class TrainConfig(StageConfig):
    """A training recipe (METHOD.md, section 7)."""

    network: NetworkConfig = EfficientUNetConfig()
    augment: AugmentConfig = AugmentConfig()
    loss: LossConfig = LossConfig()
    start: str | None = Field(
        None,
        description="weights that a new training starts from: imagenet (of the encoder alone), "
        "shipped ones by name, or a file of the same network; by default random",
    )
    seed: int = Field(0, ge=0, description="seed of the weights and of every sample")
    steps: int = Field(10_000, ge=1, description="steps of the schedule; a time limit replaces it")
    batch: int = Field(6, ge=1, description="samples a step")
    shards: int = Field(
        2, ge=1, description="parts of a batch, normalised apart, each on a thread of its own"
    )
    grids: tuple[int, ...] = Field(
        (5, 8, 10, 20), min_length=1, description="cells a side, one drawn for each step"
    )
    iterations: int = Field(5, ge=1, description="passes of the soft clustering")
    color_weight: float = Field(0.26, gt=0, description="factor of the Lab colours")
    compactness: float = Field(7.5, ge=0, description="factor of the positions")
    compactness_range: tuple[float, float] = Field(
        (1.0, 1.0), description="drawn for each step, multiplies the factor of the positions"
    )
    nested: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (),
        description="how many of the deep channels count, one drawn for each step, so that the "
        "first C become the best C; by default always all",
    )
    learning_rate: float = Field(2e-3, gt=0)
    pretrained_rate: float = Field(
        0.1,
        ge=0,
        description="share of the rate for what starts from another task's weights; 0 freezes it",
    )
    final_rate: float = Field(0.02, ge=0, le=1, description="share of the rate at the end")
    warm_up: int = Field(100, ge=0, description="steps in which the rate rises")
    weight_decay: float = Field(0.01, ge=0)
    ema: float = Field(0.998, ge=0, lt=1, description="decay of the averaged weights")
    clip: float = Field(5.0, gt=0, description="largest norm of the gradient")
    half_precision: bool = Field(True, description="bf16 where the processor computes in it")
    save_minutes: float = Field(2.0, gt=0, description="time between checkpoints")
    validate_minutes: float = Field(10.0, gt=0, description="time between validations")
    validate_counts: tuple[int, ...] = Field((100, 400), description="superpixels to validate at")
    validate_every: int = Field(4, ge=1, description="every n-th validation image is used")
    least_regularity: tuple[float, ...] = Field(
        (0.46, 0.57), description="GR that the best weights keep, for each count"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        crop = self.augment.crop
        uneven = [side for side in self.grids if side < 1 or crop % side]
        if uneven:
            raise ValueError(
                f"grids: a crop of {crop} pixels has no {uneven[0]} equal cells a side"
            )
        if self.shards > self.batch:
            raise ValueError(f"shards: a batch of {self.batch} has no {self.shards} parts")
        if self.nested and max(self.nested) > self.network.channels:
            raise ValueError(
                f"nested: the network has {self.network.channels} deep channels, "
                f"not {max(self.nested)}"
            )
        if len(self.least_regularity) != len(self.validate_counts):
            raise ValueError("least_regularity: give one GR for each of validate_counts")
        return self
