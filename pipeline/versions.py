"""The versions that decide results, and how two processes differ in them."""

import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

Versions = dict[str, str | None]
"""Version by name; None for what is not installed."""

PACKAGES = (
    "spam-pipe",
    "distributed",
    "numpy",
    "scipy",
    "numba",
    "scikit-image",
    "zarr",
    "onnxruntime",
)


@lru_cache(maxsize=1)
def own_versions() -> Versions:
    """Return this process's versions; of Python's the two numbers that decide, as ``python``."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, **{each: _version(each) for each in PACKAGES}}


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
        return version(package)
    except PackageNotFoundError:
        return None
