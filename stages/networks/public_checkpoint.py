"""Reading checkpoints of the public SSN kind: PyTorch state dicts (`.pth`) of the same encoder.

Such files differ in names, in prefixes, in where padding is done and in the last layer's batch
norm. What they share is the order: seven 3×3 convolutions, each followed by its norm if it has
one. That order is read, not the names.
"""

import pickle
import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from stages.networks.base import Network
from stages.networks.config import SsnConfig
from stages.networks.registry import build
from stages.networks.ssn import CLASSICAL
from stages.networks.weights import fill

_LAYERS = ("scale1.0", "scale1.1", "scale2.0", "scale2.1", "scale3.0", "scale3.1", "output")
_NORM = ("weight", "bias", "running_mean", "running_var")
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")


def load_public_checkpoint(path: Path) -> Network:
    """Build an `ssn` from a state dict of the public kind; no pickled code is ever run.

    The width, D, batch norm on the last layer and the way of padding are read off the tensors
    and their names; a padding module before a convolution shows as a convolution that is not its
    block's first module. Its features are taken as they are (gain 1).

    Raises
    ------
    ValueError
        When the file is missing, damaged, holds code instead of tensors, another network, or
        NaN; a mismatch names the missing and unexpected keys.
    """
    state = _read(path)
    layers = _layers(state)
    if len(layers) != len(_LAYERS):
        raise ValueError(
            f"{path}: not an SSN encoder: {len(layers)} convolutions instead of {len(_LAYERS)} "
            f"(keys: {', '.join(list(state)[:4])} …)"
        )
    first, last = layers[0], layers[-1]
    config = SsnConfig(
        channels=last.convolution["weight"].shape[0],
        width=first.convolution["weight"].shape[0],
        gain=1.0,
        padding="replicate" if first.padded else "zeros",
        output_norm=bool(last.norm),
    )
    if first.convolution["weight"].shape[1] != CLASSICAL:
        raise ValueError(
            f"{path}: takes {first.convolution['weight'].shape[1]} channels, "
            f"an SSN encoder takes {CLASSICAL}"
        )
    network = build(config)
    renamed: dict[str, Tensor] = {}
    for name, layer in zip(_LAYERS, layers, strict=True):
        renamed |= {f"{name}.0.{key}": value for key, value in layer.convolution.items()}
        renamed |= {f"{name}.1.{key}": value for key, value in layer.norm.items()}
    counters = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
    fill(network, _split_bias(counters | renamed), str(path))
    return network.eval()


class _Layer:
    """A convolution's tensors, and its norm's where one follows."""

    def __init__(self, convolution: dict[str, Tensor], padded: bool) -> None:
        self.convolution = convolution
        self.norm: dict[str, Tensor] = {}
        self.padded = padded


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such weights file") from error
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path}: holds code instead of tensors, which is never run; "
            "save the network's state_dict() instead"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path}: not a whole PyTorch file; fetch or copy it again") from error
    for wrapper in _WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    if not isinstance(state, Mapping) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        raise ValueError(f"{path}: no state dict: expected tensors by name")
    return state


def _layers(state: Mapping[str, Tensor]) -> list[_Layer]:
    """Group the tensors by module, in the network's order, norms with their convolutions."""
    keys = sorted(state, key=_natural)
    layers: list[_Layer] = []
    for module, members in groupby(keys, key=lambda key: key.rpartition(".")[0]):
        tensors = {key.rpartition(".")[2]: state[key] for key in members}
        weight = tensors.get("weight")
        if weight is not None and weight.ndim == 4:
            position = re.search(r"(\d+)$", module)
            layers.append(_Layer(tensors, padded=bool(position) and int(position[1]) > 0))
        elif layers and set(_NORM) <= tensors.keys():
            layers[-1].norm = {key: tensors[key] for key in _NORM}
    return layers


def _natural(key: str) -> tuple[tuple[int, int, str], ...]:
    """Sort numbers within names as numbers, and the output layer after the scales."""
    parts = re.split(r"[._]|(?<=\D)(?=\d)", key)
    return tuple(
        (1, int(part), "") if part.isdigit() else (2 if part.startswith("out") else 0, 0, part)
        for part in parts
    )
