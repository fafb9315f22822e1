"""The superpixel methods that can be chosen by name: another one is a function and a line here.

The configuration checks names here, so what a method needs is imported when it is used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, cast

from stages.suggestion import did_you_mean

if TYPE_CHECKING:
    from stages.segment.config import SegmentConfig
    from stages.segment.scene import Scene, Segmentation

METHODS = {
    "spam": "stages.segment.methods.spam",
    "slic": "stages.segment.baselines.scikit_image.slic",
    "maskslic": "stages.segment.baselines.maskslic.maskslic",
    "felzenszwalb": "stages.segment.baselines.scikit_image.felzenszwalb",
    "watershed": "stages.segment.baselines.scikit_image.watershed",
    "quickshift": "stages.segment.baselines.scikit_image.quickshift",
    "slic-cv": "stages.segment.baselines.opencv.slic_cv",
    "slico": "stages.segment.baselines.opencv.slico",
    "mslic": "stages.segment.baselines.opencv.mslic",
    "seeds": "stages.segment.baselines.opencv.seeds",
    "lsc": "stages.segment.baselines.opencv.lsc",
    "snic": "stages.segment.baselines.snic.snic",
    "grid": "stages.segment.baselines.layouts.grid",
    "voronoi": "stages.segment.baselines.layouts.voronoi",
    "ground-truth": "stages.segment.baselines.ground_truth.ground_truth",
    "external": "stages.segment.baselines.external.external",
}
"""Where the function of each method is. ``external`` goes by the name ``external:NAME``."""

ALIASES: dict[str, tuple[str, dict[str, str]]] = {
    "spam-ssn": ("spam", {"network": "ssn"}),
    "slic-masked": ("spam", {"network": "none"}),
}
"""Names for a method with certain options."""

KEEP_TO_PRIOR = frozenset({"spam", "maskslic"})
"""Methods that keep to a prior's objects; for the others none is computed."""

NEED_OPENCV = frozenset({"slic-cv", "slico", "mslic", "seeds", "lsc"})
"""Methods that need the extra ``opencv`` to be installed."""

COMPILED = frozenset({"spam", "snic", "voronoi", "ground-truth"})
"""Methods with kernels of our own, compiled when a process starts and not with its first image."""

_EXTERNAL = "external:"


class Method(Protocol):
    """A superpixel method."""

    def __call__(self, scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
        """Segment a scene into about so many superpixels, at most its pixels."""
        ...


def method_names() -> tuple[str, ...]:
    """Return what can be asked for, ours first."""
    names = [name for name in METHODS if name != "external"]
    return (names[0], *ALIASES, *names[1:], f"{_EXTERNAL}NAME")


def known_method(name: str) -> str:
    """Return the name if it is a method's, else raise a ValueError that suggests one."""
    if external_name(name) or name in ALIASES or (name in METHODS and name != "external"):
        return name
    cure = did_you_mean(name, method_names())
    raise ValueError(f"no superpixel method is named {name!r}: {cure}")


def external_name(name: str) -> str | None:
    """Return NAME of ``external:NAME``, the folder with that method's label maps; else None."""
    folder = name.removeprefix(_EXTERNAL)
    is_folder = folder not in {name, "", ".", ".."} and not set(folder) & set("/\\")
    return folder if is_folder else None


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


def require_extra(name: str) -> None:
    """Raise a ValueError that says what to install when a method's package is not here."""
    if name in NEED_OPENCV and find_spec("cv2") is None:
        raise ValueError(f"--method {name} needs OpenCV: pip install 'spam-pipe[opencv]'")


def spam(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Cluster softly inside the prior's objects (`stages.segment.spam`)."""
    from stages.segment.scene import Segmentation
    from stages.segment.spam import spam as segment

    labels = segment(
        scene.lab,
        n_superpixels,
        deep=scene.deep,
        objects=scene.objects,
        density=scene.density,
        contour=scene.contour,
        valid=scene.valid,
        config=config,
        device=scene.device,
    )
    return Segmentation(labels)
