"""Reading checkpoints of the public SSN kind: PyTorch state dicts (`.pth`) of the same encoder.

Such files differ in names, in prefixes, in where padding is done and in the last layer's batch
norm. What they share is the order: seven 3×3 convolutions, each followed by its norm if it has
one. That order is read, not the names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from spam_pipe.stages.networks.base import Network
from spam_pipe.stages.networks.config import SsnConfig
from spam_pipe.stages.networks.pickled_tensors import CodeInsteadOfTensorsError, load_pickled
from spam_pipe.stages.networks.ssn import CLASSICAL
from spam_pipe.stages.networks.weights import build_filled

_LAYERS = ("scale1.0", "scale1.1", "scale2.0", "scale2.1", "scale3.0", "scale3.1", "output")
_COUNTER = "num_batches_tracked"
_NORM = ("weight", "bias", "running_mean", "running_var")
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")


Padding = Literal["replicate", "zeros"]


def load_public_checkpoint(path: Path) -> Network:
    """Build an `ssn` from a state dict of the public kind; no pickled code is ever run.

    The width, D, batch norm on the last layer and the way of padding are read off the tensors
    and their names: a padding module shows as a convolution that is not its block's first
    module. Where a `config` beside the state dict says `padding`, that counts. The features are
    taken as they are (gain 1).

    Raises
    ------
    ValueError
        When the file is missing, damaged, holds code instead of tensors, another network, or
        NaN; a mismatch names the missing and unexpected keys.
    """
    state, padding = _read(path)
    layers, unexpected = _layers(state)
    if len(layers) != len(_LAYERS) or unexpected:
        raise ValueError(
            f"{path}: not an SSN encoder: {len(layers)} convolutions instead of {len(_LAYERS)}; "
            f"unexpected keys: {', '.join((unexpected or list(state))[:3])}"
        )
    first, last = layers[0].convolution["weight"], layers[-1].convolution["weight"]
    if first.shape[1] != CLASSICAL:
        raise ValueError(
            f"{path}: takes {first.shape[1]} channels, an SSN encoder takes {CLASSICAL}"
        )
    tensors: dict[str, Tensor] = {}
    try:
        config = SsnConfig(
            channels=last.shape[0],
            width=first.shape[0],
            gain=1.0,
            padding=padding or ("replicate" if layers[0].padded else "zeros"),
            output_norm=bool(layers[-1].norm),
        )
        for name, layer in zip(_LAYERS, layers, strict=True):
            tensors |= layer.renamed(name)
            if layer.norm:
                tensors[f"{name}.1.{_COUNTER}"] = torch.tensor(0)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{path}: not an SSN encoder: its tensors do not fit together") from error
    return build_filled(config, tensors, str(path))


@dataclass
class _Layer:
    """A convolution's tensors, and its norm's where one follows."""

    convolution: dict[str, Tensor]
    padded: bool
    norm: dict[str, Tensor] = field(default_factory=dict)

    def renamed(self, name: str) -> dict[str, Tensor]:
        """Return the tensors under this project's names."""
        convolution, norm = dict(self.convolution), dict(self.norm)
        if norm and "bias" in convolution:
            # A norm subtracts its mean: a bias before it is the same as a smaller mean.
            norm["running_mean"] = norm["running_mean"] - convolution.pop("bias")
        return {f"{name}.0.{key}": value for key, value in convolution.items()} | {
            f"{name}.1.{key}": value for key, value in norm.items()
        }


def _read(path: Path) -> tuple[Mapping[str, Tensor], Padding | None]:
    try:
        state = load_pickled(path)
    except CodeInsteadOfTensorsError as error:
        raise ValueError(f"{error}; save the network's state_dict() instead") from error
    except ValueError as error:
        raise ValueError(f"{error}; fetch or copy it again") from error
    padding: Padding | None = None
    if isinstance(state, Mapping) and isinstance(state.get("config"), Mapping):
        padding = state["config"].get("padding")
    for wrapper in _WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    if not isinstance(state, Mapping) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        raise ValueError(f"{path}: no state dict: expected tensors by name")
    if padding not in (None, "replicate", "zeros"):
        raise ValueError(f"{path}: padding {padding!r} in its config; known: replicate, zeros")
    return state, padding


def _layers(state: Mapping[str, Tensor]) -> tuple[list[_Layer], list[str]]:
    """Group the tensors by module, in the network's order, and list those that fit nowhere."""
    layers: list[_Layer] = []
    unexpected: list[str] = []
    keys = sorted((key for key in state if not key.endswith(_COUNTER)), key=_natural)
    for module, members in groupby(keys, key=lambda key: key.rpartition(".")[0]):
        names = list(members)
        tensors = {key.rpartition(".")[2]: state[key] for key in names}
        weight = tensors.get("weight")
        if weight is not None and weight.ndim == 4:
            last = module.rpartition(".")[2]
            layers.append(_Layer(tensors, padded=last.isdigit() and int(last) > 0))
        elif layers and not layers[-1].norm and tensors.keys() == set(_NORM):
            layers[-1].norm = tensors
        else:
            unexpected += names
    return layers, unexpected


def _natural(key: str) -> tuple[tuple[int, int, str], ...]:
    """Sort numbers within names as numbers, and the output layer after the scales."""
    parts = re.split(r"[._]|(?<=\D)(?=\d)", key)
    return tuple(
        (1, int(part), "") if part.isdigit() else (2 if part.startswith("out") else 0, 0, part)
        for part in parts
    )
