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
    """What a stage made for one unit.

    Attributes
    ----------
    arrays
        Named arrays; few, because each costs several requests on an object store.
    attributes
        JSON-serialisable facts. ``note`` (str), if present, is shown beside the item's figures.
    """

    arrays: Arrays = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Inputs:
    """What a stage may read of one item; only what its `reads` and `requires` name is filled.

    Attributes
    ----------
    image
        (H, W, 3) uint8, sRGB.
    image_digest
        SHA-256 of the image's bytes: the key under which what was computed once is kept.
    bands
        (H, W, C) float32 components of the bands that `image` doesn't show (`stages.principal`);
        None where it shows all there is.
    valid
        (H, W) bool, False where the image has no data; None where all count.
    annotations
        Ground truth, one (H, W) uint32 region map per annotator; empty where there is none.
    masks
        The user's mask proposals for the image (`stages.propose.run_lengths.RunLengths`).
    checkpoint
        File or folder of a mask generator's weights.
    prompts
        What the user points at in the image (`stages.propose.prompts.Prompt`); None for a grid.
    external
        (H, W) label maps of the image that another program made, by number of superpixels.
    attention
        What the user wants of the image (`stages.attention.user_factors.UserFactors`), if anything.
    attention_checkpoint
        File of the weights that find what stands out.
    upstream
        Outputs of the required stages, by stage name and unit.
    """

    image: NDArray[np.uint8] | None = None
    image_digest: str = ""
    bands: NDArray[np.float32] | None = None
    valid: NDArray[np.bool_] | None = None
    annotations: tuple[NDArray[np.uint32], ...] = ()
    masks: Any = None
    checkpoint: Path | None = None
    prompts: tuple[Any, ...] | None = None
    external: Mapping[int, NDArray[Any]] = field(default_factory=dict)
    attention: Any = None
    attention_checkpoint: Path | None = None
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

    def announce(self, inputs: Inputs, config: Any, device: str) -> object:
        """Say what `run` will ask of the device, before the item's turn to compute.

        Whoever computes first may do so for all that wait.

        Returns
        -------
        To be held while the item is at work; None where there is nothing to say.
        """
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
