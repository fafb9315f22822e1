"""What networks computed for the last images, so that stages share one forward.

Proposals and segmentation of an image run one after the other in the same process: the second
finds here what the first computed. Keyed by weights, device and the image's digest.
"""

from collections import OrderedDict
from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from stages.networks.forward import Encoder, Forward, load

_KEPT = 2
"""Images remembered: a BSD image's features are 10 MB."""

_memory: OrderedDict[tuple[str, str, str], Forward] = OrderedDict()
_lock = Lock()


@lru_cache(maxsize=2)
def encoder(weights: str, device: str) -> Encoder:
    """Return a network, built once per process (`stages.networks.forward.load`)."""
    return load(weights, device)


def forward(weights: str, device: str, digest: str, lab: NDArray[np.float32]) -> Forward:
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
    with _lock:
        if digest and key in _memory:
            _memory.move_to_end(key)
            return _memory[key]
    computed = encoder(weights, device).forward(lab)
    if digest:
        with _lock:
            _memory[key] = computed
            while len(_memory) > _KEPT:
                _memory.popitem(last=False)
    return computed
