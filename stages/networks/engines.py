"""The engine of a network's forward: ONNX Runtime on processors, torch on other devices.

The choice is made here alone. Importing torch takes seconds and hundreds of megabytes, so
nothing here imports it, nor does anything that ONNX Runtime needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from spam_pipe.stages.networks.files import find_weights

if TYPE_CHECKING:
    from spam_pipe.stages.networks.forward import Encoder

Engine = Literal["onnxruntime", "torch"]
EngineOption = Literal["auto", "onnxruntime", "torch"]
"""``auto``: ONNX Runtime on the CPU, torch elsewhere."""

ENGINE_DESCRIPTION = (
    "what computes the network: onnxruntime (on the CPU alone) or torch; auto: onnxruntime on the "
    "CPU, torch on a GPU"
)


class Model(NamedTuple):
    """A network's weights, its engine and its device."""

    weights: str  # a shipped name or a file
    engine: Engine
    device: str  # ``cpu``, or a torch device


def choose_engine(engine: EngineOption, device: str) -> Engine:
    """Return the engine for a device.

    Raises
    ------
    ValueError
        When the engine asked for cannot compute there: an explicit choice never falls back.
    """
    if engine == "onnxruntime" and device != "cpu":
        raise ValueError(
            f"engine onnxruntime computes on the CPU, not on {device}: use --device cpu, or "
            "engine=torch"
        )
    if engine == "auto":
        return "onnxruntime" if device == "cpu" else "torch"
    return engine


def choose_model(weights: str, engine: EngineOption, device: str) -> Model:
    """Return the model that a configuration means on a device (`choose_engine`)."""
    return Model(weights, choose_engine(engine, device), device)


def load(name_or_path: str | Path, device: str = "cpu", engine: EngineOption = "auto") -> Encoder:
    """Load a network for inference.

    Parameters
    ----------
    name_or_path
        Shipped weights by name, such as ``trunk``; a .safetensors file of this project; a .pth
        state dict of the public SSN kind; or an .onnx file that `spam-pipe weights export` wrote,
        which ONNX Runtime alone reads.
    device
        ``cpu``, or a torch device.
    engine
        What computes.

    Raises
    ------
    ValueError
        When there are no such weights (the shipped ones are named), the file cannot be used, or
        the engine cannot compute there.
    """
    path = find_weights(name_or_path)
    if choose_engine(engine, device) == "torch":
        from spam_pipe.stages.networks.torch_encoder import load_torch

        return load_torch(path, device)
    from spam_pipe.stages.networks.onnx_encoder import encoder_of, load_onnx

    encoder = load_onnx(path)
    if encoder is None:
        # A file from before weights held graphs, or a public one: torch makes the graph.
        from spam_pipe.stages.networks.onnx_graph import export
        from spam_pipe.stages.networks.torch_encoder import load_network

        encoder = encoder_of(export(load_network(path)), {}, str(path))
    return encoder
