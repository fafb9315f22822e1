"""What networks computed for the last images, so that stages share one forward.

Proposals and segmentation of an image run one after the other in the same process: the second
finds here what the first computed. Keyed by the model and the image's digest. An image that
was announced keeps what was computed for it while it is at work, and one forward serves several.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.networks.announced import Key, announcement, others_waiting
from spam_pipe.stages.networks.engines import Model, load
from spam_pipe.stages.networks.forward import Computed, Encoder, Forward, as_lab

if TYPE_CHECKING:
    from spam_pipe.stages.networks.torch_encoder import TorchEncoder

_KEPT = 2
"""Images remembered: a BSD image's features are 10 MB."""

Kept = TypeVar("Kept", Forward, Computed)

_on_device: OrderedDict[Key, Computed] = OrderedDict()
_in_memory: OrderedDict[Key, Forward] = OrderedDict()
_lock = Lock()


@lru_cache(maxsize=2)
def encoder(model: Model) -> Encoder:
    """Return a network, built once per process (`stages.networks.engines.load`)."""
    return load(model.weights, model.device, model.engine)


def forward_on_device(model: Model, digest: str, lab: NDArray[np.float32]) -> Computed:
    """Return what a network without positions says of an image; computed once.

    It says the same of images of that size that were announced, where they may share a forward.

    Parameters
    ----------
    model
        Whose forward it is.
    digest
        Identifies the image; nothing is remembered where it is empty.
    lab
        (H, W, 3) float32 CIELab.
    """
    key = (model, digest)
    return _remembered(_on_device, key, lambda: _compute(key, lab))


def forward(model: Model, digest: str, lab: NDArray[np.float32]) -> Forward:
    """Return the same in memory; brought there once."""
    key = (model, digest)
    return _remembered(_in_memory, key, lambda: forward_on_device(model, digest, lab).to_arrays())


def _compute(key: Key, lab: NDArray[np.float32]) -> Computed:
    own = announcement(key)
    if own is not None and own.computed is not None:
        return own.computed
    model, _ = key
    network = encoder(model)
    computed: Computed | None = None
    if model.engine == "torch":
        from spam_pipe.stages.networks.torch_encoder import TorchEncoder

        assert isinstance(network, TorchEncoder)
        computed = _compute_with_others(network, key, lab)
    if computed is None:
        computed = network.forward_on_device(lab)
    if own is not None:
        own.computed, own.lab = computed, None
    return computed


def _compute_with_others(
    network: "TorchEncoder", key: Key, lab: NDArray[np.float32]
) -> Computed | None:
    """Compute an image's features with those of others that wait; None where it goes alone."""
    from spam_pipe.stages.networks.batching import shared_size

    height, width, _ = as_lab(lab).shape
    others = others_waiting(key, (height, width))
    try:
        size = shared_size(network, (height, width), 1 + len(others))
        if size == 1:
            return None
        others = others[: size - 1]
        images = [other.take() for other in others]
        # The size of a batch is what was tried out: an image that fails leaves its place to ours.
        batch = [lab if image is None else image for image in images]
        computed, *ahead = network.forward_batch([lab, *batch])
    except RuntimeError:  # of the device; its memory may hold one image where it can't hold several
        return None
    for other, image, seen in zip(others, images, ahead, strict=True):
        if image is not None:
            other.computed = seen
    return computed


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
