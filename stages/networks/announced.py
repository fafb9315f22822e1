"""Images whose forward will be asked for, known before their turn to compute.

Several items may be at work in a process, of which one computes at a time. Each announces its
image, so that whoever comes to its forward first can take the others' along.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.networks.engines import Model
from spam_pipe.stages.networks.forward import Computed, Shape, as_lab
from spam_pipe.stages.validity import filled_digest, filled_inputs

Key = tuple[Model, str]
"""Whose forward, and the image's digest."""


@dataclass(eq=False)
class Announced:
    """An image that is at work.

    Attributes
    ----------
    key
        Whose forward will be asked for.
    shape
        Height and width.
    lab
        Makes the (H, W, 3) float32 CIELab image; None once it was made, or could not be.
    computed
        What the network says of it, once that is known; stays as long as this does.
    """

    key: Key
    shape: Shape
    lab: Callable[[], NDArray[np.float32]] | None
    computed: Computed | None = None

    def take(self) -> NDArray[np.float32] | None:
        """Make the Lab image, once; None where that fails, which is for its own turn to say."""
        make, self.lab = self.lab, None
        try:
            return None if make is None else as_lab(make())
        except Exception:
            return None


_at_work: WeakValueDictionary[Key, Announced] = WeakValueDictionary()
_lock = Lock()


def announce(model: Model, inputs: Inputs) -> Announced | None:
    """Say that the forward of an image will be asked for.

    Parameters
    ----------
    model
        Whose forward it will be.
    inputs
        The image, its valid pixels and its digest, without which nothing is announced.

    Returns
    -------
    To be held while the image is at work: with it the announcement goes.
    """
    image = inputs.image
    if image is None or not inputs.image_digest:
        return None

    def lab() -> NDArray[np.float32]:
        filled = filled_inputs(inputs).image
        assert filled is not None
        return rgb_to_lab(filled)

    key = (model, filled_digest(inputs))
    with _lock:
        return _at_work.setdefault(key, Announced(key, (image.shape[0], image.shape[1]), lab))


def announcement(key: Key) -> Announced | None:
    """Return the announcement of an image, if it is at work."""
    with _lock:
        return _at_work.get(key)


def others_waiting(key: Key, shape: Shape) -> list[Announced]:
    """List the other images of a size that wait for the same network, the first announced first."""
    with _lock:
        at_work = list(_at_work.values())
    return [
        each
        for each in at_work
        if each.key != key and each.key[0] == key[0] and each.shape == shape and each.lab
    ]
