"""Options of the superpixel segmentation."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from spam_pipe.stages.attention.config import AttentionConfig
from spam_pipe.stages.clustering.config import ClusteringConfig
from spam_pipe.stages.deferred import BLOCK_PIXELS
from spam_pipe.stages.methods.baselines.config import (
    FelzenszwalbConfig,
    LscConfig,
    MaskSlicConfig,
    MslicConfig,
    NestedConfig,
    QuickshiftConfig,
    SeedsConfig,
    SlicConfig,
    SlicCvConfig,
    SlicWardConfig,
    SnicConfig,
    WatershedConfig,
)
from spam_pipe.stages.methods.names import (
    ALIASES,
    KEEP_TO_PRIOR,
    external_name,
    known_method,
    method_names,
)
from spam_pipe.stages.networks.engines import ENGINE_DESCRIPTION, EngineOption, Model, choose_model
from spam_pipe.stages.prior.config import CutConfig

_OF_SPAM = ("network", "weights", "channels", "engine", "block_pixels")
"""Options beside those of the clustering that the project's own methods alone read."""


class SegmentConfig(ClusteringConfig, CutConfig):
    """Options of `spam-pipe segment` (METHOD.md, sections 1 to 4)."""

    method: Annotated[str, AfterValidator(known_method)] = Field(
        "spam", description=f"superpixel method: {', '.join(method_names())}"
    )
    network: Literal["efficientunet", "trunk", "ssn", "none"] = Field(
        "efficientunet",
        description="deep features: efficientunet, trunk (the default before it), ssn (the "
        "paper's encoder), or none for colour and position alone (D = 5)",
    )
    weights: str | None = Field(
        None,
        description="a file of weights (.safetensors, an .onnx file of `weights export`, or a .pth "
        "state dict of the public SSN kind) instead of the network's shipped ones",
    )
    channels: int | None = Field(
        None,
        ge=0,
        le=4096,
        description="how many deep channels count, D - 5: the first of those that the weights "
        "have; by default 15, or all where they have fewer; 0 is D = 5",
    )
    block_pixels: int = Field(
        BLOCK_PIXELS,
        ge=10_000,
        description="spam: an image of more pixels is segmented by blocks, and "
        "superpixels wider than 80 pixels in a smaller image first",
    )
    engine: EngineOption = Field("auto", description=ENGINE_DESCRIPTION)

    attention: AttentionConfig = AttentionConfig()
    external: str | None = Field(
        None,
        description="external:NAME: the folder of label maps NAME/<K>/<image>.png, .npy, .mat, "
        ".csv or .tif",
    )
    spam_nested: NestedConfig = NestedConfig()
    slic: SlicConfig = SlicConfig()
    slic_ward: SlicWardConfig = SlicWardConfig()
    maskslic: MaskSlicConfig = MaskSlicConfig()
    felzenszwalb: FelzenszwalbConfig = FelzenszwalbConfig()
    watershed: WatershedConfig = WatershedConfig()
    quickshift: QuickshiftConfig = QuickshiftConfig()
    slic_cv: SlicCvConfig = SlicCvConfig()
    mslic: MslicConfig = MslicConfig()
    seeds: SeedsConfig = SeedsConfig()
    lsc: LscConfig = LscConfig()
    snic: SnicConfig = SnicConfig()

    @model_validator(mode="after")
    def _fits_the_method(self) -> Self:
        if external_name(self.method) and self.external is None:
            raise ValueError(
                f"method {self.method} needs segment.external, the folder that holds "
                f"{external_name(self.method)}/<K>/<image>.png"
            )
        _, fixed = ALIASES.get(self.method, ("", {}))
        for key, value in fixed.items():
            given, usual = getattr(self, key), type(self).model_fields[key].default
            if given not in {value, usual}:
                raise ValueError(
                    f"method {self.method} means {key}={value}, not {given}; take it back with "
                    f"--set segment.{key}=default"
                )
        return self

    @property
    def external_folder(self) -> str | None:
        """The folder of the label maps that the method consists of; None where it computes."""
        name = external_name(self.method)
        return None if name is None else f"{self.external}/{name}"

    @property
    def resolved(self) -> Self:
        """The options with an alias replaced by the method and the options it stands for."""
        if self.method not in ALIASES:
            return self
        method, fixed = ALIASES[self.method]
        return self.model_copy(update={"method": method, **fixed})

    @property
    def decisive(self) -> dict[str, Any]:
        """The options that decide the chosen method's results, as plain values."""
        options = self.resolved.model_dump(mode="json") | {"method": self.method}
        options["attention"] = self.attention.decisive
        left_out = {name for name in ("attention", "channels") if options[name] in (None, {})}
        if self.engine == "auto":  # what that came to is said by the unit, not by the store
            left_out.add("engine")
        return {key: options[key] for key in self.reads - left_out}

    @property
    def own_table(self) -> str:
        """The name of the table of options that the chosen method has alone, if it has one."""
        return self.resolved.method.partition(":")[0].replace("-", "_")

    @property
    def reads(self) -> frozenset[str]:
        """The names of the options, and tables of options, that the chosen method reads."""
        names = {"method", self.own_table}
        if self.uses_prior:
            names |= {"attention", *CutConfig.model_fields}
        if self.resolved.method in {"spam", "spam-nested"}:
            names |= {*ClusteringConfig.model_fields, *_OF_SPAM}
        return frozenset(names & type(self).model_fields.keys())

    @property
    def deep_weights(self) -> str | None:
        """Name or file of the weights that the method needs; None for colour and position alone."""
        options = self.resolved
        no_network = options.network == "none" or options.channels == 0
        if no_network or options.method not in {"spam", "spam-nested"}:
            return None
        return options.weights or options.network

    def deep_model(self, device: str) -> Model | None:
        """Return the network that the method needs, as a device computes it; None as above.

        Raises
        ------
        ValueError
            When the engine cannot compute there.
        """
        weights = self.deep_weights
        return None if weights is None else choose_model(weights, self.engine, device)

    @property
    def uses_prior(self) -> bool:
        """Whether the method keeps to the prior's objects."""
        return self.resolved.method in KEEP_TO_PRIOR
