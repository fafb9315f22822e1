"""Networks by name: another one is a file, its config, and a line here."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from spam_pipe.stages.networks.config import NetworkConfig

if TYPE_CHECKING:
    from spam_pipe.stages.networks.base import Network

NETWORKS = {
    "trunk": ("spam_pipe.stages.networks.trunk", "Trunk"),
    "efficientunet": ("spam_pipe.stages.networks.efficientunet", "EfficientUNet"),
    "ssn": ("spam_pipe.stages.networks.ssn", "Ssn"),
}
"""Module and class of every network."""

_ADAPTER: TypeAdapter[NetworkConfig] = TypeAdapter(NetworkConfig)


def build(config: NetworkConfig) -> "Network":
    """Return a network with fresh weights."""
    import torch  # reading a config, which shares this file, should not take its seconds

    module, name = NETWORKS[config.name]
    make: Callable[[Any], Network] = getattr(import_module(module), name)
    # In single precision, even if torch's default is another.
    network = make(config).float().to(memory_format=torch.channels_last)
    network.config = config
    return network


def parse_config(text: str | bytes) -> NetworkConfig:
    """Read a network's config from the JSON that travels with its weights.

    Raises
    ------
    ValueError
        When it names no known network or has unknown or impossible options.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(
            f"network config {place}: {first['msg']}; known networks: {', '.join(NETWORKS)}"
        ) from error
