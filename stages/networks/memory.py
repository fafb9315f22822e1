"""The networks' results for the last images, so that stages share one forward.

Proposals and segmentation of an image run one after the other in the same process: the second
finds here what the first computed. Keyed by the model and the image's digest.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.networks.engines import Model, load
from spam_pipe.stages.networks.forward import Computed, Encoder, Forward

_KEPT = 2
"""Images remembered, one for each thread of a worker: a BSD image's features are 10 MB."""

Kept = TypeVar("Kept", Forward, Computed)
Key = tuple[Model, str]

_on_device: OrderedDict[Key, Computed] = OrderedDict()
_in_memory: OrderedDict[Key, Forward] = OrderedDict()
_lock = Lock()


@lru_cache(maxsize=2)
def encoder(model: Model) -> Encoder:
    """Return a network, built once per process (`stages.networks.engines.load`)."""
    return load(model.weights, model.device, model.engine)


def forward_on_device(model: Model, digest: str, lab: NDArray[np.float32]) -> Computed:
    """Return the forward of an (H, W, 3) float32 Lab image, left on the device; computed once.

    `digest` identifies the image; where it is empty nothing is remembered. The network takes no
    positions.
    """
    return _remembered(_on_device, (model, digest), lambda: encoder(model).forward_on_device(lab))


def forward(model: Model, digest: str, lab: NDArray[np.float32]) -> Forward:
    """Return the same in memory; brought there once."""
    return _remembered(
        _in_memory, (model, digest), lambda: forward_on_device(model, digest, lab).to_arrays()
    )


def _remembered(memory: OrderedDict[Key, Kept], key: Key, compute: Callable[[], Kept]) -> Kept:
    _, digest = key
    with _lock:
        if digest and key in memory:
            memory.move_to_end(key)
            return memory[key]
    computed = compute()
    if digest:
        with _lock:
            memory[key] = computed
            while len(memory) > _KEPT:
                memory.popitem(last=False)
    return computed
