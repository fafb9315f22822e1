"""What a shell offers after Tab; each function returns the values of one kind of option."""

import os
from collections.abc import Iterable
from pathlib import Path

import typer

Offered = list[str]


def _of(values: Iterable[str], typed: str) -> Offered:
    return [value for value in values if value.startswith(typed)]


def paths(incomplete: str) -> Offered:
    """Return the files and folders that begin so."""
    folder, _, begun = incomplete.rpartition("/")
    above = folder + "/" if folder or incomplete.startswith("/") else ""
    try:
        entries = sorted(os.scandir(Path(above or ".").expanduser()), key=lambda each: each.name)
    except (OSError, RuntimeError):
        return []
    shown = [each for each in entries if begun.startswith(".") or not each.name.startswith(".")]
    return _of((above + each.name + "/" * each.is_dir() for each in shown), incomplete)


def folders(incomplete: str) -> Offered:
    """Return the folders that begin so."""
    return [path for path in paths(incomplete) if path.endswith("/")]


def datasets(incomplete: str) -> Offered:
    """Return the datasets' names, and paths."""
    from spam_pipe.pipeline.datasets import DATASETS

    names = [name for name in DATASETS if name != "folder"]
    return _of(names, incomplete) + paths(incomplete)


def fetched_datasets(incomplete: str) -> Offered:
    """Return the datasets that can be fetched."""
    from spam_pipe.pipeline.datasets import DATASETS

    return _of((name for name in DATASETS if name not in {"folder", "sample"}), incomplete)


def configs(incomplete: str) -> Offered:
    """Return the shipped configurations of runs, and paths."""
    return _of([name for name in _shipped() if not name.startswith("train-")], incomplete) + paths(
        incomplete
    )


def recipes(incomplete: str) -> Offered:
    """Return the shipped recipes of trainings, and paths."""
    return _of([name for name in _shipped() if name.startswith("train-")], incomplete) + paths(
        incomplete
    )


def methods(incomplete: str) -> Offered:
    """Return the superpixel methods."""
    from spam_pipe.stages.methods.names import method_names

    return _of((name.removesuffix("NAME") for name in method_names()), incomplete)


def priors(incomplete: str) -> Offered:
    """Return the sources of proposals."""
    from spam_pipe.stages.propose.source_names import source_names

    return _of(source_names(), incomplete)


def runs(ctx: typer.Context, incomplete: str) -> Offered:
    """Return the runs of the folder that `--outputs` or SPAM_OUTPUTS names."""
    from spam_pipe.pipeline.errors import UserError
    from spam_pipe.pipeline.runs.run import find_runs
    from spam_pipe.pipeline.store.folder import open_folder

    location = ctx.params.get("outputs") or os.environ.get("SPAM_OUTPUTS") or "outputs"
    try:
        return _of(find_runs(open_folder(str(location))), incomplete)
    except (UserError, OSError):
        return []


def weights(incomplete: str) -> Offered:
    """Return the networks' weights by name."""
    from spam_pipe.pipeline.fetching.public_weights import PUBLIC_WEIGHTS
    from spam_pipe.pipeline.fetching.shipped_weights import shipped_weights

    return _of([*shipped_weights(), *PUBLIC_WEIGHTS], incomplete)


def keys(incomplete: str) -> Offered:
    """Return the options that `--set` takes, each with its equals sign."""
    from spam_pipe.pipeline.configuration.run_config import RunConfig, flatten

    return _of((f"{key}=" for key in flatten(RunConfig().model_dump())), incomplete)


def attentions(incomplete: str) -> Offered:
    """Return the modes of attention, and paths."""
    return _of(["none", "visual"], incomplete) + paths(incomplete)


def splits(incomplete: str) -> Offered:
    """Return the splits of datasets."""
    return _of(["all", "test", "train", "val"], incomplete)


def prior_modes(incomplete: str) -> Offered:
    """Return the ways in which a prior is cut for K."""
    return _of(["cut", "paper"], incomplete)


def devices(incomplete: str) -> Offered:
    """Return the kinds of devices."""
    return _of(["auto", "cpu", "cuda", "cuda:0"], incomplete)


def _shipped() -> list[str]:
    from spam_pipe.pipeline.configuration.run_config import configs_folder

    return sorted(file.stem for file in configs_folder().glob("*.toml"))
