"""Weights on disk: safetensors with the network's config and its ONNX graph inside."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from spam_pipe.stages.networks.base import Network
from spam_pipe.stages.networks.config import NetworkConfig
from spam_pipe.stages.networks.files import GRAPH_KEY, INFORMATION_KEY, NETWORK_KEY
from spam_pipe.stages.networks.onnx_graph import packed_graph
from spam_pipe.stages.networks.registry import build, parse_config


def save_weights(
    path: Path,
    config: NetworkConfig,
    state: Mapping[str, Tensor],
    *,
    half: bool = False,
    information: Mapping[str, object] | None = None,
) -> None:
    """Write a network's weights and its graph; the file is whole or the old one stays.

    Parameters
    ----------
    path
        A .safetensors file.
    config
        The network's shape, kept in the file's metadata.
    state
        The network's state dict.
    half
        Convolutions as float16; what has one value per channel stays float32.
    information
        JSON-serialisable facts kept in the metadata.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    tensors = {
        name: tensor.detach().cpu().to(_stored_type(tensor, half)).contiguous()
        for name, tensor in state.items()
    }
    metadata = {
        NETWORK_KEY: config.model_dump_json(),
        INFORMATION_KEY: json.dumps(information or {}),
        GRAPH_KEY: packed_graph(config),
    }
    replace_file(path, save(tensors, metadata))


def load_weights(path: Path) -> Network:
    """Build the network that a weights file is for, and fill it.

    Raises
    ------
    ValueError
        When the file is not there, is truncated, is no safetensors file (pickled code is never
        run), belongs to no known network, misses or has tensors too many, or holds NaN.
    """
    config, state = _read(path, with_tensors=True)
    return build_filled(config, state, str(path))


def read_config(path: Path) -> NetworkConfig:
    """Return the shape of the network that a weights file is for.

    Raises
    ------
    ValueError
        As `load_weights` says.
    """
    return _read(path, with_tensors=False)[0]


def read_information(path: Path) -> dict[str, object]:
    """Return the facts that were saved with the weights."""
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(INFORMATION_KEY, "{}")
        information: dict[str, object] = json.loads(text)
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: what it says of itself cannot be read") from error
    return information


def build_filled(config: NetworkConfig, state: Mapping[str, Tensor], name: str) -> Network:
    """Build a network around tensors, converted to its precision, for inference.

    Nothing is allocated before every tensor is known to fit.

    Raises
    ------
    ValueError
        Naming missing and unexpected keys, differing shapes or NaN; `name` says whose they are.
    """
    with torch.device("meta"):
        expected = build(config).state_dict()
    _require_fit(expected, state, name)
    network = build(config)
    network.load_state_dict({key: value.to(expected[key].dtype) for key, value in state.items()})
    return network.eval()


def _read(path: Path, *, with_tensors: bool) -> tuple[NetworkConfig, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            names = file.keys() if with_tensors else []
            state = {name: file.get_tensor(name) for name in names}
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such weights file") from error
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path}: not a whole safetensors file ({error}); fetch or copy it again"
        ) from error
    if NETWORK_KEY not in metadata:
        raise ValueError(f"{path}: does not say which network it is for; not made by this project")
    try:
        config = parse_config(metadata[NETWORK_KEY])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return config, state


def _require_fit(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], name: str) -> None:
    missing, unexpected = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected)
    if missing or unexpected:
        raise ValueError(
            f"{name}: weights of another network: missing {_some(missing)}; "
            f"unexpected {_some(unexpected)}"
        )
    for key, tensor in state.items():
        if tensor.shape != expected[key].shape:
            raise ValueError(
                f"{name}: {key} has shape {tuple(tensor.shape)}, the network needs "
                f"{tuple(expected[key].shape)}: weights of another D or width"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{name}: {key} holds NaN or infinite values; use other weights")


def replace_file(path: Path, content: bytes) -> None:
    """Write a whole file in the place of an old one, which survives any failure."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _stored_type(tensor: Tensor, half: bool) -> torch.dtype:
    return torch.float16 if half and tensor.ndim == 4 else tensor.dtype


def _some(keys: list[str]) -> str:
    if not keys:
        return "none"
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return ", ".join(keys[:3]) + more
