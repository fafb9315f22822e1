"""The superpixel methods that can be chosen by name: another one is a function and a line here.

The configuration checks names here, so what a method needs is imported when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from spam_pipe.stages.methods.names import ALIASES, METHODS, known_method

if TYPE_CHECKING:
    from spam_pipe.stages.methods.config import SegmentConfig
    from spam_pipe.stages.scene import Scene, Segmentation


class Method(Protocol):
    """A superpixel method."""

    def __call__(self, scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
        """Segment a scene into about so many superpixels, at most its pixels."""
        ...


def find_method(name: str) -> Method:
    """Return the method of that name.

    Raises
    ------
    ValueError
        When there is none; the message lists those there are.
    """
    known_method(name)
    plain, _ = ALIASES.get(name, (name.partition(":")[0], {}))
    module, _, function = METHODS[plain].rpartition(".")
    return cast(Method, getattr(import_module(module), function))


def spam(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Cluster softly inside the prior's objects (`stages.clustering.spam`)."""
    from spam_pipe.stages.clustering.spam import spam as segment
    from spam_pipe.stages.scene import Segmentation

    labels = segment(
        scene.lab,
        n_superpixels,
        deep=scene.deep,
        bands=scene.bands,
        objects=scene.objects,
        density=scene.density,
        contour=scene.contour,
        valid=scene.valid,
        config=config,
        device=scene.device,
    )
    return Segmentation(labels)
