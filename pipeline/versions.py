"""The versions that decide results, and how two processes differ in them."""

import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

Versions = dict[str, str | None]
"""Version by name; None for what is not installed."""

DECISIVE = (
    "spam-pipe",
    "numpy",
    "scipy",
    "numba",
    "scikit-image",
    "higra",
    "torch",
    "onnxruntime",
    "zarr",
)
"""Packages that decide results, or how they are stored."""
PACKAGES = (*DECISIVE, "distributed")
"""Packages in which processes that work together must agree."""


@lru_cache(maxsize=1)
def own_versions() -> Versions:
    """Return this process's versions; of Python's the two numbers that decide, as ``python``."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, **{each: _version(each) for each in PACKAGES}}


def decisive_versions() -> dict[str, str]:
    """Return the versions that results are stored with; Python's whole, as ``python``."""
    found = {name: own_versions()[name] for name in DECISIVE}
    known = {name: version for name, version in found.items() if version is not None}
    return {**known, "python": platform.python_version()}


def differences(here: Versions, there: Versions) -> str | None:
    """Say in which versions another process differs, and the cure; None when it does not."""
    wrong = {name: there.get(name) for name in here if there.get(name) != here[name]}
    if not wrong:
        return None
    if "spam-pipe" in wrong and wrong["spam-pipe"] is None:
        return f"no spam-pipe (here {here['spam-pipe']}): install it there, with what it requires"
    found = ", ".join(
        f"{name} {other or 'none'} (here {here[name]})" for name, other in wrong.items()
    )
    packages = " ".join(f"{name}=={here[name]}" for name in wrong if name != "python")
    cures = [f"use Python {here['python']}"] if "python" in wrong else []
    cures += [f"pip install {packages}"] if packages else []
    return f"{found}; make it the same there: {', '.join(cures)}"


def _version(package: str) -> str | None:
    try:
        # The part behind + names the build, which a worker with a GPU has of its own.
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        return None
