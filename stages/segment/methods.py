"""The superpixel methods that can be chosen by name: another one is a file and a line here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.segment.baselines import slic
from stages.segment.config import SegmentConfig
from stages.segment.nearest import Labels
from stages.segment.spam import spam


@dataclass(frozen=True)
class Scene:
    """What is known of an image before it is segmented at a given count.

    Attributes
    ----------
    image
        (H, W, 3) uint8, sRGB.
    lab
        (H, W, 3) float32 CIELab of it.
    objects
        (H, W) objects of the prior cut for this count, 0 = uncertain.
    density
        (n,) factor of each object.
    contour
        (H, W) float32 contour probability in 0..1.
    deep
        (H, W, C) float32 features of an encoder.
    """

    image: NDArray[np.uint8]
    lab: NDArray[np.float32]
    objects: NDArray[np.integer] | None = None
    density: NDArray[np.floating] | None = None
    contour: NDArray[np.float32] | None = None
    deep: NDArray[np.float32] | None = None


Method = Callable[[Scene, int, SegmentConfig], Labels]


def _spam(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Labels:
    return spam(
        scene.lab,
        n_superpixels,
        deep=scene.deep,
        objects=scene.objects,
        density=scene.density,
        contour=scene.contour,
        config=config,
    )


def _slic(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Labels:
    return slic(scene.image, n_superpixels)


METHODS: dict[str, Method] = {"spam": _spam, "slic": _slic}


def find_method(name: str) -> Method:
    """Return the method of that name.

    Raises
    ------
    ValueError
        When there is none; the message lists those there are.
    """
    if name not in METHODS:
        raise ValueError(f"no superpixel method is named {name!r}: choose {', '.join(METHODS)}")
    return METHODS[name]
