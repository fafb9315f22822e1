"""What networks computed for the last images, so that stages share one forward.

Proposals and segmentation of an image run one after the other in the same process: the second
finds here what the first computed. Keyed by weights, device and the image's digest.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stages.networks.forward import DeviceForward, Encoder, Forward, load

_KEPT = 2
"""Images remembered: a BSD image's features are 10 MB."""

Key = tuple[str, str, str]
Computed = TypeVar("Computed", Forward, DeviceForward)

_on_device: OrderedDict[Key, DeviceForward] = OrderedDict()
_in_memory: OrderedDict[Key, Forward] = OrderedDict()
_lock = Lock()


@lru_cache(maxsize=2)
def encoder(weights: str, device: str) -> Encoder:
    """Return a network, built once per process (`stages.networks.forward.load`)."""
    return load(weights, device)


def forward_on_device(
    weights: str, device: str, digest: str, lab: NDArray[np.float32]
) -> DeviceForward:
    """Return what a network without positions says of an image; computed once.

    Parameters
    ----------
    weights, device
        As for `encoder`.
    digest
        Identifies the image; nothing is remembered where it is empty.
    lab
        (H, W, 3) float32 CIELab.
    """
    key = (weights, device, digest)
    return _remembered(_on_device, key, lambda: encoder(weights, device).forward_on_device(lab))


def forward(weights: str, device: str, digest: str, lab: NDArray[np.float32]) -> Forward:
    """Return the same in memory; brought there once."""
    key = (weights, device, digest)
    return _remembered(
        _in_memory, key, lambda: forward_on_device(weights, device, digest, lab).to_arrays()
    )


def _remembered(
    memory: OrderedDict[Key, Computed], key: Key, compute: Callable[[], Computed]
) -> Computed:
    *_, digest = key
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
