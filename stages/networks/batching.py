"""How many images may share a forward, so that each gets what it would get alone.

Libraries choose how they sum by the shape of the whole batch, so an image's features could depend
in their last bits on how many others went with it; and those are whoever happened to wait. Which
sizes of a batch are free of that differs from machine to machine and cannot be read anywhere. It
is tried out: the order of a sum does not depend on the numbers, so a batch of noise in which every
place comes out to the bit as it does alone shows it for all images of that shape.
"""

from weakref import WeakKeyDictionary

import numpy as np
import torch

from spam_pipe.stages.networks.forward import LARGEST_WHOLE, Shape
from spam_pipe.stages.networks.torch_encoder import DeviceForward, TorchEncoder

SHARED_ON = {"cuda"}
"""Kinds of devices on which forwards are shared: a processor's cores are busy with one image."""

_SIZES = (8, 4, 2)
"""Of batches; few, because each is tried out for each shape."""

_LEAST_PIXELS = 64 * 64
"""Of an image: fewer numbers may come out the same by luck, though they were summed otherwise."""

_tried: WeakKeyDictionary[TorchEncoder, dict[tuple[Shape, int], bool]] = WeakKeyDictionary()


def shared_size(encoder: TorchEncoder, shape: Shape, wanted: int) -> int:
    """Return how many of `wanted` images of a size to put through together.

    A batch holds no more pixels than the largest image that goes through as a whole. The first
    time a shape and a number occur they are tried out, which costs twice as many forwards.

    Parameters
    ----------
    encoder
        The network and its device.
    shape
        Height and width of the images.
    wanted
        How many there are.

    Returns
    -------
    1 where none can go together.
    """
    if encoder.takes_positions or encoder.device.type not in SHARED_ON:
        return 1
    n_pixels = shape[0] * shape[1]
    if n_pixels < _LEAST_PIXELS:
        return 1
    most = min(wanted, LARGEST_WHOLE // n_pixels)
    return next((n for n in _SIZES if n <= most and _is_exact(encoder, shape, n)), 1)


def _is_exact(encoder: TorchEncoder, shape: Shape, n: int) -> bool:
    tried = _tried.setdefault(encoder, {})
    if (shape, n) not in tried:
        noise = np.random.default_rng(0).normal(0, 30, (n, *shape, 3)).astype(np.float32)
        together = encoder.forward_batch(list(noise))
        tried[shape, n] = all(
            _same(seen, encoder.forward_on_device(lab))
            for seen, lab in zip(together, noise, strict=True)
        )
    return tried[shape, n]


def _same(one: DeviceForward, other: DeviceForward) -> bool:
    if not torch.equal(one.deep, other.deep):
        return False
    if one.contour is None or other.contour is None:
        return one.contour is other.contour
    return torch.equal(one.contour, other.contour)
