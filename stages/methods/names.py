"""The names of the superpixel methods and what they need."""

from __future__ import annotations

from importlib.util import find_spec

from spam_pipe.stages.suggestion import did_you_mean

METHODS = {
    "spam": "spam_pipe.stages.methods.registry.spam",
    "spam-nested": "",  # levels of a hierarchy, which is a stage of its own
    "slic": "spam_pipe.stages.methods.baselines.scikit_image.slic",
    "maskslic": "spam_pipe.stages.methods.baselines.maskslic.maskslic",
    "felzenszwalb": "spam_pipe.stages.methods.baselines.scikit_image.felzenszwalb",
    "watershed": "spam_pipe.stages.methods.baselines.scikit_image.watershed",
    "quickshift": "spam_pipe.stages.methods.baselines.scikit_image.quickshift",
    "slic-cv": "spam_pipe.stages.methods.baselines.opencv.slic_cv",
    "slico": "spam_pipe.stages.methods.baselines.opencv.slico",
    "mslic": "spam_pipe.stages.methods.baselines.opencv.mslic",
    "seeds": "spam_pipe.stages.methods.baselines.opencv.seeds",
    "lsc": "spam_pipe.stages.methods.baselines.opencv.lsc",
    "snic": "spam_pipe.stages.methods.baselines.snic.snic",
    "slic-ward": "spam_pipe.stages.methods.baselines.hierarchies.slic_ward",
    "bpt": "spam_pipe.stages.methods.baselines.hierarchies.bpt",
    "watershed-hierarchy": "spam_pipe.stages.methods.baselines.hierarchies.watershed_hierarchy",
    "grid": "spam_pipe.stages.methods.baselines.layouts.grid",
    "voronoi": "spam_pipe.stages.methods.baselines.layouts.voronoi",
    "ground-truth": "spam_pipe.stages.methods.baselines.ground_truth.ground_truth",
    "external": "spam_pipe.stages.methods.baselines.external.external",
}
"""The function of each method. ``external`` goes by the name ``external:NAME``."""


ALIASES: dict[str, tuple[str, dict[str, str]]] = {
    "spam-ssn": ("spam", {"network": "ssn"}),
    "slic-masked": ("spam", {"network": "none"}),
}
"""Names for a method with certain options."""


KEEP_TO_PRIOR = frozenset({"spam", "spam-nested", "maskslic"})
"""Methods that keep to a prior's objects; for the others none is computed."""


NESTED = frozenset({"spam-nested"})
"""Methods whose superpixels are levels of one hierarchy per image, which is a stage of its own."""


NEED_OPENCV = frozenset({"slic-cv", "slico", "mslic", "seeds", "lsc"})
"""Methods that need the extra ``opencv`` to be installed."""


COMPILED = frozenset({"spam", "snic", "voronoi", "ground-truth"})
"""Methods with kernels of our own, compiled when a process starts and not with its first image."""


_EXTERNAL = "external:"


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


def require_extra(name: str) -> None:
    """Raise a ValueError that says what to install when a method's package is not here."""
    if name in NEED_OPENCV and find_spec("cv2") is None:
        raise ValueError(f"--method {name} needs OpenCV: pip install 'spam-pipe[opencv]'")
