"""Facts of this machine: versions, cores, device, data, weights, disk."""

import os
import platform
import shutil
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from spam_pipe import __version__
from spam_pipe.pipeline.datasets import DATASETS, open_dataset
from spam_pipe.pipeline.datasets.lookup import data_folders
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.fetching.public_weights import PUBLIC_WEIGHTS, find_public_weights
from spam_pipe.pipeline.fetching.shipped_weights import shipped_weights
from spam_pipe.stages.propose.source_names import EXTRAS

_PACKAGES = (
    "torch",
    "torchvision",
    "segment-anything",
    "dask",
    "distributed",
    "zarr",
    "numpy",
    "scipy",
    "scikit-image",
    "numba",
    "onnxruntime",
    "higra",
    "pandas",
    "typer",
    "h5py",
)
_EXTRAS = {
    "s3": "s3fs",
    "opencv": "cv2",
    "dino": "timm",
    "geo": "rasterio",
    "tiff": "imagecodecs",
    "dicom": "pydicom",
    "parquet": "pyarrow",
    "graph": "torch_geometric",
    **EXTRAS,
}
_OWN_NAMES = ("pipeline", "stages", "spam_pipe")
"""The folder that `import` finds this project in."""
_NAMED_DATASETS = tuple(name for name in DATASETS if name != "folder")


def examine(outputs: str) -> dict[str, Any]:
    """Return what `spam-pipe doctor` shows, as plain values."""
    import torch

    place = Path(outputs).absolute() if "://" not in outputs else Path.cwd()
    while not place.exists():
        place = place.parent
    return {
        "spam-pipe": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "devices": ["cpu"] + [f"cuda:{i}" for i in range(torch.cuda.device_count())],
        "packages": {package: _version(package) for package in _PACKAGES},
        "conflicts": conflicts(packages_distributions()),
        "extras": {extra: find_spec(module) is not None for extra, module in _EXTRAS.items()},
        "data_folders": [str(folder) for folder in data_folders()],
        "datasets": {name: _found(name) for name in _NAMED_DATASETS},
        "weights": [*sorted(shipped_weights()), *filter(find_public_weights, PUBLIC_WEIGHTS)],
        "free_disk_gib": round(shutil.disk_usage(place).free / 2**30, 1),
        "outputs": str(place),
    }


def conflicts(owners: Mapping[str, Iterable[str]]) -> list[str]:
    """Return a warning for each of this project's import names that others install, too.

    Parameters
    ----------
    owners
        Names of distributions by import name, as `importlib.metadata` finds them.
    """
    found = {
        name: sorted({*owners.get(name, ())} - {"spam-pipe", "spam_pipe"}) for name in _OWN_NAMES
    }
    return [
        f"{' and '.join(others)} also install{'s' * (len(others) == 1)} the name '{name}', and one "
        "hides the other: give spam-pipe an environment of its own"
        for name, others in found.items()
        if others
    ]


def count_items(name: str) -> dict[str, tuple[int, int | None]] | str:
    """Return, per split, how many items a dataset has here and officially; or why it has none."""
    dataset = open_dataset(name)
    try:
        return {
            split: (sum(1 for _ in dataset.items(split)), dataset.expected(split))
            for split in dataset.splits
        }
    except UserError as error:
        return str(error)


def _found(name: str) -> str:
    counted = count_items(name)
    if isinstance(counted, str):
        return "not found"
    return ", ".join(
        f"{split} {found}" + (f" of {expected}" if expected not in {None, found} else "")
        for split, (found, expected) in counted.items()
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
