"""The datasets, by name; importing this package loads none of them."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from spam_pipe.pipeline.errors import ConfigError, DataError
from spam_pipe.pipeline.items import Dataset
from spam_pipe.stages.suggestion import did_you_mean

if TYPE_CHECKING:
    from spam_pipe.pipeline.datasets.images.bands import Reading

DATASETS: dict[str, str] = {
    "bsd": "spam_pipe.pipeline.datasets.bsd:Bsd",
    "nyuv2": "spam_pipe.pipeline.datasets.nyuv2:NyuV2",
    "sbd": "spam_pipe.pipeline.datasets.sbd:Sbd",
    "folder": "spam_pipe.pipeline.datasets.folder:Folder",
    "sample": "spam_pipe.pipeline.datasets.sample:Sample",
}
"""Where each dataset's class is, as ``module:class``."""


def open_dataset(
    name: str,
    *,
    data: str | Path | None = None,
    images: str | Path | None = None,
    pattern: str = "*",
    ground_truth: str | Path | None = None,
    planes: Literal["all", "first"] | None = None,
    reading: "Reading | None" = None,
    ignore: tuple[int, ...] = (),
) -> Dataset:
    """Open a dataset by its name, or a folder of images by its path.

    Nothing is read: a dataset that is not there is an error once its items are asked for.

    Parameters
    ----------
    name
        A key of `DATASETS`, or the path of a folder, which is then the dataset ``folder``.
    data
        The folder that holds the named dataset; by default `pipeline.datasets.lookup` knows
        where to look.
    images, pattern, ground_truth, planes, reading, ignore
        Options of the dataset ``folder`` (`pipeline.datasets.folder.Folder`).

    Raises
    ------
    ConfigError
        For an unknown name (the nearest known one is suggested), or an option that the
        dataset does not have.
    """
    if name not in DATASETS:
        if images is not None:
            raise ConfigError(f"dataset.images: leave it out, the dataset is the folder {name}")
        name, images = "folder", _as_folder(name)
    if name == "folder":
        from spam_pipe.pipeline.datasets.folder import ImageFolder
        from spam_pipe.pipeline.datasets.images.bands import Reading

        if data is not None:
            raise ConfigError("dataset.root: a folder of images is named with dataset.images")
        if images is None:
            raise ConfigError("dataset folder: name the folder, as in --dataset path/to/images")
        truth = Path(ground_truth) if ground_truth is not None else None
        return ImageFolder(Path(images), pattern, truth, planes, reading or Reading(), ignore)
    given = {
        "images": images,
        "ground_truth": ground_truth,
        "pattern": pattern.strip("*") or None,
        "planes": planes,
        "bands": reading and reading.bands,
        "stretch": reading and reading.stretch,
        "ignore": ignore or None,
    }
    for option, value in given.items():
        if value is not None:
            raise ConfigError(f"dataset.{option}: only a folder of images has it, not {name}")
    module, _, cls = DATASETS[name].partition(":")
    dataset: Dataset = getattr(import_module(module), cls)(Path(data) if data else None)
    return dataset


def default_split(dataset: Dataset) -> str:
    """Return ``test`` where the dataset has one, else the first of its splits."""
    return "test" if "test" in dataset.splits else dataset.splits[0]


def describe(dataset: Dataset, split: str, found: int) -> str:
    """Say in one line how many items were found, of how many, and where."""
    expected = dataset.expected(split)
    share = f"{found}" if expected is None else f"{found} of {expected}"
    return f"{dataset.name} {split}: {share} images found in {dataset.location()}"


def _as_folder(name: str) -> Path:
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:  # ~somebody, whom this machine does not know
        raise DataError(f"--dataset {name}: there is no such home folder") from error
    if path.is_dir():
        return path
    if path.exists():
        raise DataError(f"--dataset {name}: is a file; name the folder that it lies in")
    if len(path.parts) > 1:
        raise DataError(f"--dataset {name}: there is no such folder")
    cure = did_you_mean(name, DATASETS)
    raise ConfigError(f"--dataset {name}: no such dataset, and no folder of that name; {cure}")
