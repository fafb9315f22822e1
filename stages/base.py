"""The contract between the stages and the pipeline that runs them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Count = int | None
"""The subject of one result: a requested number of superpixels, or the item as a whole."""

Arrays = Mapping[str, NDArray[Any]]


class StageConfig(BaseModel):
    """Base of every stage's options: immutable, and an unknown option is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @property
    def decisive(self) -> dict[str, Any]:
        """The options that decide results, as plain values: equal ones give equal results."""
        return self.model_dump(mode="json")


@dataclass(frozen=True)
class Output:
    """The result of a stage for one unit."""

    # named arrays; few, because each costs several requests on an object store
    arrays: Arrays = field(default_factory=dict)
    # JSON-serialisable facts. ``note`` (str), if present, is shown beside the item's figures.
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Inputs:
    """Data of one item; only the parts that a stage's `reads` and `requires` name are filled."""

    image: NDArray[np.uint8] | None = None  # (H, W, 3) uint8, sRGB
    # SHA-256 of the image's bytes: the key under which what was computed once is kept
    image_digest: str = ""
    # (H, W, C) float32 components of bands that `image` doesn't show (`stages.principal`)
    bands: NDArray[np.float32] | None = None
    # (H, W) bool, False where the image has no data; None where all count
    valid: NDArray[np.bool_] | None = None
    # ground truth, one (H, W) uint32 region map per annotator; empty where there is none
    annotations: tuple[NDArray[np.uint32], ...] = ()
    # the user's mask proposals for the image (`stages.propose.run_lengths.RunLengths`)
    masks: Any = None
    checkpoint: Path | None = None  # file or folder of a mask generator's weights
    # what the user points at in the image (`stages.propose.prompts.Prompt`); None for a grid
    prompts: tuple[Any, ...] | None = None
    # (H, W) label maps of the image that another program made, by number of superpixels
    external: Mapping[int, NDArray[Any]] = field(default_factory=dict)
    # what the user wants of the image (`stages.attention.user_factors.UserFactors`), if anything
    attention: Any = None
    attention_checkpoint: Path | None = None  # file of the weights that find what stands out
    # outputs of the required stages, by stage name and unit
    upstream: Mapping[str, Mapping[Count, Output]] = field(default_factory=dict)


class Stage(Protocol):
    """One step of the pipeline.

    A stage computes on arrays: images, ground truth and earlier results reach it as `Inputs`, and
    its results leave it as `Output`. It writes no file, starts no process and prints nothing. The
    only files that it reads are weights of networks, once per process: those that its options
    name, and `Inputs.checkpoint` and `Inputs.attention_checkpoint`. Equal inputs, options and
    weights give equal outputs.

    `stages.registry.STAGES` states what the pipeline must know of each stage.
    """

    def setup(self, config: Any, device: str) -> Any:
        """Build models and warm up kernels: called once per process and config."""
        ...

    def run(
        self, inputs: Inputs, config: Any, resources: Any, units: Sequence[Count]
    ) -> Iterator[Output]:
        """Yield one output per unit, in order.

        Raises
        ------
        ValueError
            When the item cannot be processed; the message names what is wrong with it.
        """
        ...
