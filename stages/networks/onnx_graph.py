"""From a network in torch to its ONNX graph, with its weights or without.

The graph is traced with torch's exporter. A file of weights carries the graph of its network, of a
few kilobytes, so that ONNX Runtime computes it where torch is not imported: weights and graph are
one file, and there is one description of each network.
"""

import io
import json
import warnings
from collections.abc import Mapping
from functools import lru_cache

import onnx
import torch
from onnx import ModelProto, TensorProto
from torch import Tensor, nn

from spam_pipe.stages.networks.base import Network
from spam_pipe.stages.networks.config import NetworkConfig
from spam_pipe.stages.networks.folding import fold_norms
from spam_pipe.stages.networks.onnx_encoder import facts_of, pack_graph
from spam_pipe.stages.networks.registry import build

_OPSET = 17
_PREFIX = "network."


class _Inference(nn.Module):
    """An image in the layout of NumPy, in and out."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return (H, W, C) features and, where there is one, (H, W) contour probability."""
        prediction = self.network(image.permute(2, 0, 1).unsqueeze(0))
        deep = prediction.deep[0].permute(1, 2, 0)
        if not prediction.contours:
            return (deep,)
        return deep, prediction.contours[0][0, 0].sigmoid()


def export(network: Network, information: Mapping[str, object] | None = None) -> bytes:
    """Return a network as an ONNX model that holds its weights, in float32.

    Input: ``lab`` (height, width, 3) float32 CIELab, L in 0..100; or ``classical`` (height, width,
    5), the scaled colours and positions. Outputs: ``features`` (height, width, C) and, of a network
    with a contour head, ``contour`` (height, width) in 0..1. Height and width are free.

    Parameters
    ----------
    network
        Made by `stages.networks.registry.build`.
    information
        JSON-serialisable facts kept in the metadata.
    """
    model = _trace(fold_norms(network), separate_norms=False)
    for key, value in (information or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value if isinstance(value, str) else json.dumps(value)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


@lru_cache(maxsize=8)
def packed_graph(config: NetworkConfig) -> str:
    """Return the graph of a network without its weights, as weights files carry it."""
    with torch.random.fork_rng(devices=[]):
        network = build(config).eval().requires_grad_(False)
        state = network.state_dict()
        # The exporter makes one of two tensors that are alike.
        for number, tensor in enumerate(state.values()):
            if tensor.is_floating_point():
                tensor.copy_(_noise(*tensor.shape, seed=number) + 0.5)
    model = _trace(network, separate_norms=True)
    shapes: dict[str, tuple[int, ...]] = {}
    for initializer in model.graph.initializer:
        key = initializer.name.removeprefix(_PREFIX)
        if key in state:
            shapes[key] = tuple(initializer.dims)
            initializer.name = key
            initializer.ClearField("raw_data")
            initializer.data_location = TensorProto.EXTERNAL
            entry = initializer.external_data.add()
            entry.key, entry.value = "location", "weights"
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            key = name.removeprefix(_PREFIX)
            node.input[place] = key if key in shapes else name
    return pack_graph(model.SerializeToString(), shapes)


def _trace(network: Network, *, separate_norms: bool) -> ModelProto:
    """Trace a network; its batch norms stay apart from its convolutions where that is asked."""
    name = "classical" if network.takes_positions else "lab"
    # Odd sides: where nothing need be cropped, cropping would be left out of the graph.
    image = _noise(37, 53, 5 if network.takes_positions else 3)
    axes = {0: "height", 1: "width"}
    content = io.BytesIO()
    with warnings.catch_warnings():
        # Of two exporters the one that traces is on its way out, says torch. It takes half a second
        # where the other takes half a minute and two packages more.
        warnings.simplefilter("ignore")
        mode = torch.onnx.TrainingMode.PRESERVE if separate_norms else torch.onnx.TrainingMode.EVAL
        torch.onnx.export(
            _Inference(network).eval(),
            (image,),
            content,  # type: ignore[arg-type]  # this exporter takes it
            dynamo=False,
            input_names=[name],
            output_names=["features", "contour"][: 1 if network.takes_positions else 2],
            dynamic_axes={name: axes, "features": axes, "contour": axes},
            opset_version=_OPSET,
            do_constant_folding=not separate_norms,
            training=mode,
        )
    model = onnx.load_model_from_string(content.getvalue())
    facts = facts_of(
        network.config.model_dump_json(),
        takes_positions=network.takes_positions,
        reach=network.reach,
    )
    onnx.helper.set_model_props(model, facts)
    return model


def _noise(*shape: int, seed: int = 0) -> Tensor:
    """Draw numbers in 0..1 without touching what training draws from."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))
