"""Options of the proposals."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from spam_pipe.stages.base import StageConfig
from spam_pipe.stages.networks.engines import ENGINE_DESCRIPTION, EngineOption, Model, choose_model
from spam_pipe.stages.propose.source_names import known_source

_DECISIVE = {
    "none": (),
    "contour": ("contour",),
    "gradient": ("gradient",),
    "masks": ("masks",),
    "sam": ("model", "checkpoint", "prompts", "precision", "sam"),
    "mobile-sam": ("checkpoint", "prompts", "precision", "sam"),
    "fast-sam": ("checkpoint", "fast_sam"),
    "hf-sam": ("checkpoint", "sam"),
}
"""The options that a source reads."""

PointGrid = tuple[tuple[float, float], ...]
"""Points (x, y) as shares of an image's width and height."""


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
        "efficientunet",
        description="network with a contour head: shipped weights by name, or a file",
    )
    max_regions: int = Field(
        4096, ge=1, description="regions of the finest partition: those that merge last"
    )
    extra_scales: tuple[Annotated[float, Field(gt=0, le=4)], ...] = Field(
        (),
        description="further scales of the image whose contours are averaged with its own: 0.5 "
        "costs a quarter of a forward and finds contours better, but not better superpixels",
    )
    engine: EngineOption = Field("auto", description=ENGINE_DESCRIPTION)

    def model(self, device: str) -> Model:
        """Return the network as a device computes it.

        Raises
        ------
        ValueError
            When the engine cannot compute there.
        """
        return choose_model(self.weights, self.engine, device)


class SamConfig(StageConfig):
    """Options of segment-anything's `SamAutomaticMaskGenerator`, with its names and defaults."""

    points_per_side: int = Field(
        32, ge=1, description="the grid of prompts has this many points on a side"
    )
    points_per_batch: int = Field(
        64, ge=1, description="points prompted at once; more need more memory"
    )
    pred_iou_thresh: float = Field(
        0.88, ge=0, le=1, description="masks of a lower predicted quality are dropped"
    )
    stability_score_thresh: float = Field(
        0.95, ge=0, le=1, description="masks that change more with the cutoff are dropped"
    )
    stability_score_offset: float = Field(
        1.0, ge=0, description="how far the cutoff is moved either way to see how masks change"
    )
    box_nms_thresh: float = Field(
        0.7, ge=0, le=1, description="of masks whose boxes overlap more (IoU) the best one stays"
    )
    crop_n_layers: int = Field(
        0, ge=0, le=4, description="layers of crops that are prompted as well; layer i has 4^i"
    )
    crop_nms_thresh: float = Field(
        0.7, ge=0, le=1, description="as box_nms_thresh, between masks of different crops"
    )
    crop_overlap_ratio: float = Field(
        512 / 1500, ge=0, lt=1, description="how much crops overlap, as a share of the short side"
    )
    crop_n_points_downscale_factor: int = Field(
        1, ge=1, description="a crop of layer i has points_per_side / factor^i points on a side"
    )
    point_grids: tuple[PointGrid, ...] | None = Field(
        None,
        description="prompts instead of points_per_side: for the image and each layer of crops a "
        "list of points [x, y], as shares of width and height",
    )
    min_mask_region_area: int = Field(
        0,
        ge=0,
        description="holes and islands of fewer pixels are removed from masks (extra opencv)",
    )

    @model_validator(mode="after")
    def _every_layer_has_points(self) -> Self:
        layers = self.crop_n_layers + 1
        if self.point_grids is None:
            if self.points_per_side < self.crop_n_points_downscale_factor**self.crop_n_layers:
                raise ValueError(
                    "the last layer of crops has no points: raise points_per_side or lower "
                    "crop_n_points_downscale_factor"
                )
        elif len(self.point_grids) != layers or not all(self.point_grids):
            raise ValueError(f"point_grids needs {layers} lists of points: crop_n_layers + 1")
        elif not all(0 <= share <= 1 for grid in self.point_grids for xy in grid for share in xy):
            raise ValueError("the points of point_grids are shares of width and height, in 0..1")
        return self


class FastSamConfig(StageConfig):
    """Options of FastSAM, with the names of ultralytics and the defaults of FastSAM's authors."""

    imgsz: int = Field(1024, ge=32, description="the image's longer side as the network sees it")
    conf: float = Field(0.4, ge=0, le=1, description="masks of less confidence are dropped")
    iou: float = Field(
        0.9, ge=0, le=1, description="of masks whose boxes overlap more the best one stays"
    )


class ProposeConfig(StageConfig):
    """Options of `spam-pipe propose` (METHOD.md, section 5)."""

    source: Annotated[str, AfterValidator(known_source)] = Field(
        "contour",
        description="where proposals come from: none, contour, gradient, masks, sam, mobile-sam, "
        "fast-sam, hf-sam; those of masks also divided by contours, as in sam+contour",
    )
    masks: str | None = Field(
        None, description="masks: the folder of the user's segmentations, named like the images"
    )
    model: Literal["vit_h", "vit_l", "vit_b"] = Field(
        "vit_h", description="sam: which of the published models"
    )
    checkpoint: str | None = Field(
        None,
        description="sam, mobile-sam: file of weights instead of the fetched ones (spam-pipe "
        "weights fetch); fast-sam: FastSAM's .pt file; hf-sam: folder of a transformers model",
    )
    prompts: str | None = Field(
        None,
        description="sam, mobile-sam: CSV or JSON file of points and boxes per image that are "
        "prompted instead of a grid",
    )
    precision: Literal["float32", "bf16", "fp16"] = Field(
        "float32", description="sam, mobile-sam: what the network computes in"
    )
    sam: SamConfig = SamConfig()
    fast_sam: FastSamConfig = FastSamConfig()
    contour: ContourConfig = ContourConfig()
    gradient: GradientConfig = GradientConfig()

    @property
    def decisive(self) -> dict[str, Any]:
        """The options that the source reads."""
        read = {"source", *(option for name in self.sources for option in _DECISIVE[name])}
        if self.uses_prompts:
            read.remove("sam")
        options = self.model_dump(mode="json", include=read)
        if self.contour.engine == "auto" and "contour" in options:
            del options["contour"]["engine"]  # what that came to is said by the unit
        return options

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources that are asked: one, or two that are fused."""
        return tuple(self.source.split("+"))

    @property
    def uses_prompts(self) -> bool:
        """Whether the user's prompts take the place of a grid."""
        return self.prompts is not None and self.sources[0] in {"sam", "mobile-sam"}

    @model_validator(mode="after")
    def _masks_are_somewhere(self) -> Self:
        if "masks" in self.sources and self.masks is None:
            raise ValueError("the source masks needs a folder: name it with --masks FOLDER")
        return self

    @model_validator(mode="after")
    def _can_do_what_is_asked(self) -> Self:
        name = self.sources[0]
        if name in {"fast-sam", "hf-sam"}:
            if self.checkpoint is None:
                what = "FastSAM-s.pt" if name == "fast-sam" else "FOLDER of a transformers model"
                raise ValueError(f"{name} needs a model: add --set propose.checkpoint={what}")
            if self.prompts is not None:
                raise ValueError(f"{name} takes no prompts: --prior sam and mobile-sam do")
            if self.precision != "float32":
                raise ValueError(f"{name} computes in float32: set propose.precision=default")
        if name == "hf-sam":
            for option in ("crop_nms_thresh", "point_grids", "min_mask_region_area"):
                if getattr(self.sam, option) != SamConfig.model_fields[option].default:
                    raise ValueError(f"hf-sam has no sam.{option}: leave it at its default")
        return self
