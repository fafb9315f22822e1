"""The files of weights; imports no torch, because planning asks for them."""

from pathlib import Path

NETWORK_KEY = "network"
INFORMATION_KEY = "information"
GRAPH_KEY = "onnx"
"""The metadata of weights files: the network's config as JSON, facts as
JSON, and the network as an ONNX graph without its weights (`stages.networks.onnx_graph`)."""

SHIPPED = Path(__file__).resolve().parents[1] / "weights"
"""Folder of the weights that come with the project."""


def find_weights(name_or_path: str | Path) -> Path:
    """Return the file of weights given by shipped name or path.

    Raises
    ------
    ValueError
        When there is none.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    shipped = SHIPPED / f"{name_or_path}.safetensors"
    if shipped.parent == SHIPPED and shipped.is_file():
        return shipped
    names = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.safetensors"))) or "none"
    raise ValueError(f"weights {name_or_path}: no such file; shipped weights: {names}")
