"""The superpixel methods that can be chosen by name: another one is a file and a line here.

The configuration checks names here, so what a method needs is imported when it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from stages.segment.config import SegmentConfig
    from stages.segment.nearest import Labels
    from stages.segment.task import Map


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
        (H, W) float32 contour probability in 0..1, in memory or on the device.
    deep
        (H, W, C) float32 features of an encoder, likewise.
    """

    image: NDArray[np.uint8]
    lab: NDArray[np.float32]
    objects: NDArray[np.integer] | None = None
    density: NDArray[np.floating] | None = None
    contour: Map | None = None
    deep: Map | None = None


class Method(Protocol):
    """A superpixel method."""

    def __call__(
        self, scene: Scene, n_superpixels: int, config: SegmentConfig, device: str = "cpu"
    ) -> Labels:
        """Return (H, W) int32 labels 0..n-1."""
        ...


def _spam(scene: Scene, n_superpixels: int, config: SegmentConfig, device: str = "cpu") -> Labels:
    from stages.segment.spam import spam

    return spam(
        scene.lab,
        n_superpixels,
        deep=scene.deep,
        objects=scene.objects,
        density=scene.density,
        contour=scene.contour,
        config=config,
        device=device,
    )


def _slic(scene: Scene, n_superpixels: int, config: SegmentConfig, device: str = "cpu") -> Labels:
    from stages.segment.baselines import slic

    return slic(scene.image, n_superpixels)


METHODS: dict[str, Method] = {"spam": _spam, "slic": _slic}

IGNORE_PRIOR = frozenset({"slic"})
"""Methods that make nothing of a prior, for which none is computed."""


def known_method(name: str) -> str:
    """Return the name if it is a method's, else raise a ValueError that suggests one."""
    if name not in METHODS:
        near = get_close_matches(name, METHODS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"no superpixel method is named {name!r}: {hint}({', '.join(METHODS)})")
    return name


def find_method(name: str) -> Method:
    """Return the method of that name.

    Raises
    ------
    ValueError
        When there is none; the message lists those there are.
    """
    return METHODS[known_method(name)]
