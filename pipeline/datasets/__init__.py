"""The datasets, by name; importing this package loads none of them."""

from importlib import import_module
from pathlib import Path
from typing import Any

from spam_pipe.pipeline.datasets.config import DatasetConfig
from spam_pipe.pipeline.errors import ConfigError, DataError
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.items import Dataset
from spam_pipe.stages.suggestion import did_you_mean

DATASETS: dict[str, str] = {
    "bsd": "spam_pipe.pipeline.datasets.bsd:Bsd",
    "nyuv2": "spam_pipe.pipeline.datasets.nyuv2:NyuV2",
    "sbd": "spam_pipe.pipeline.datasets.sbd:Sbd",
    "folder": "spam_pipe.pipeline.datasets.folder:Folder",
    "sample": "spam_pipe.pipeline.datasets.sample:Sample",
}
"""Each dataset's class, as ``module:class``."""


def open_dataset(name: str, *, data: str | Path | None = None, **options: Any) -> Dataset:
    """Open a dataset by its name, or a folder of images by its path.

    Nothing is read: a dataset that is not there is an error once its items are asked for.

    Parameters
    ----------
    name
        A key of `DATASETS`, or the path of a folder, which is then the dataset ``folder``.
    data
        The folder that holds the named dataset; by default `pipeline.datasets.lookup` knows
        where to look.
    options
        Options of the dataset ``folder``, by the names that `pipeline.datasets.folder.ImageFolder`
        gives them. None stands for an option that was not given.

    Raises
    ------
    ConfigError
        For an unknown name (the nearest known one is suggested), or an option that the
        dataset does not have.
    """
    given = {key: value for key, value in options.items() if value is not None}
    if name not in DATASETS:
        if "images" in given:
            raise ConfigError(f"dataset.images: leave it out, the dataset is the folder {name}")
        name, given = "folder", {**given, "images": _as_folder(name)}
    if name == "folder":
        from spam_pipe.pipeline.datasets.folder import ImageFolder

        if data is not None:
            raise ConfigError("dataset.root: a folder of images is named with dataset.images")
        if "images" not in given:
            raise ConfigError("dataset folder: name the folder, as in --dataset path/to/images")
        for key in ("images", "ground_truth"):
            if key in given:
                given[key] = Path(given[key])
        return ImageFolder(**given)
    if (reading := given.pop("reading", None)) is not None:
        given |= {"bands": reading.bands or reading.every or None, "stretch": reading.stretch}
    for option, value in given.items():
        if value not in (None, (), "*"):
            raise ConfigError(f"dataset.{option}: only a folder of images has it, not {name}")
    module, _, cls = DATASETS[name].partition(":")
    dataset: Dataset = getattr(import_module(module), cls)(Path(data) if data else None)
    return dataset


def open_chosen(chosen: DatasetConfig) -> Dataset:
    """Open the dataset of a configuration, with all of its options; errors as `open_dataset`."""
    return open_dataset(
        chosen.name,
        data=chosen.root,
        images=chosen.images,
        files=chosen.files,
        pattern=chosen.pattern,
        ground_truth=chosen.ground_truth,
        planes=chosen.planes,
        reading=chosen.reading,
        ignore=chosen.ignore,
    )


def default_split(dataset: Dataset) -> str:
    """Return ``test`` where the dataset has one, else the first of its splits."""
    return "test" if "test" in dataset.splits else dataset.splits[0]


def describe(dataset: Dataset, split: str, found: int) -> str:
    """Say in one line how many items were found, of how many, and where."""
    expected = dataset.expected(split)
    share = f"{found}" if expected is None else f"{found} of {expected}"
    return f"{dataset.name} {split}: {share} images found in {dataset.location()}"


def _as_folder(name: str) -> Path:
    path = expand_home(name, "--dataset")
    if path.is_dir():
        return path
    if path.exists():
        raise DataError(f"--dataset {name}: is a file; name the folder that it lies in")
    if len(path.parts) > 1:
        raise DataError(f"--dataset {name}: there is no such folder")
    cure = did_you_mean(name, DATASETS)
    raise ConfigError(f"--dataset {name}: no such dataset, and no folder of that name; {cure}")
