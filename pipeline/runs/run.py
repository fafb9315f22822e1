"""A run: its name, its folder and its resolved configuration."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from spam_pipe.pipeline.configuration.run_config import (
    Layer,
    RunConfig,
    dataset_layer,
    dump_toml,
    flatten,
    merge,
    read_toml,
    resolve,
)
from spam_pipe.pipeline.errors import ConfigError, UserError
from spam_pipe.pipeline.store.folder import Folder, open_folder
from spam_pipe.stages.suggestion import did_you_mean

_LAST = ".last-run"
_CONFIG = "run.toml"
_COUNTS = "counts.json"
_INPUT = ("name", "root", "images", "files")
"""Options of a dataset that say where its images are."""
_LONGEST_NAME = 200
"""Bytes of a run's name: file systems end at 255, and names are added to."""


@dataclass(frozen=True)
class Run:
    """A run that commands work on."""

    name: str  # its folder's name below the outputs folder
    folder: Folder  # where its stores and tables lie
    config: RunConfig  # all that was resolved
    continued: bool  # true when no run was named and the one used last goes on

    @property
    def images(self) -> str:
        """What its images are called: a dataset's name, or that of their folder."""
        return name_after(self.config.dataset.model_dump(mode="json"))

    def begin(self, outputs: Folder) -> None:
        """Make this the run used last; one that is new gets a `run.toml` of its input alone.

        Options are kept by `remember`, once something came out with them: one that fails every
        image must not decide the next command.
        """
        if self.folder.read(_CONFIG) is None:
            self._write(plain_input(self.config))
        outputs.write(_LAST, self.name.encode())

    def remember(self) -> None:
        """Write `run.toml`, and add its numbers of superpixels to those that the run has."""
        self._write(self.config)
        counts = sorted({*self.counts(), *self.config.n_superpixels})
        if not self.config.superpixel_size and counts != self.counts():
            self.folder.write(_COUNTS, json.dumps(counts).encode())

    def counts(self) -> list[int]:
        """Return every number of superpixels that a command on this run asked for."""
        try:
            found = json.loads(self.folder.read(_COUNTS) or b"[]")
            return [int(count) for count in found]
        except (ValueError, TypeError, RecursionError):
            return []

    def _write(self, config: RunConfig) -> None:
        text = dump_toml(config).encode()
        if self.folder.read(_CONFIG) != text:
            self.folder.write(_CONFIG, text)


@lru_cache(maxsize=8)
def plain_input(config: RunConfig) -> RunConfig:
    """Return the defaults for a configuration's dataset: where its images are, and no more."""
    named = config.dataset.model_dump(mode="json", include=set(_INPUT), exclude_none=True)
    return resolve([dataset_layer(config.dataset.name), {"dataset": named}])


def options_in_force(config: RunConfig) -> dict[str, Any]:
    """Return the options that are no defaults, by their full names, but for the images' place."""
    usual = flatten(plain_input(config).model_dump(mode="json"))
    now = flatten(config.model_dump(mode="json"))
    return {key: value for key, value in now.items() if value != usual.get(key)}


def open_run(
    outputs: Folder,
    name: str | None,
    layers: Iterable[Layer],
    *,
    starts: bool = True,
    fresh: bool = False,
    reset: bool = False,
) -> Run:
    """Resolve which run a command means and its configuration.

    Parameters
    ----------
    outputs
        The folder of all runs.
    name
        The run's name if the user gave one.
    layers
        Options of the command, weakest first: `--config`, `--set`, flags.
    starts
        Whether a run that is named but not there starts with the embedded pictures where no
        dataset is named.
    fresh
        Whether a command that names a dataset starts from the defaults, whatever the run of that
        name was made with.
    reset
        Whether the command starts from the defaults in any case; the dataset stays.

    Raises
    ------
    ConfigError
        When the configuration is not valid, the name can't be a folder's, or there is no such run
        and nothing to start one with, or nothing says what to work on.
    """
    asked = merge(layers)
    dataset = _table(asked, "dataset").get("name")
    continued = False
    if name is None:
        last = _read_text(outputs, _LAST).strip() or None
        if dataset is not None:
            name = name_after(asked["dataset"])
        elif last is None:
            raise ConfigError(
                "there is no run to go on with: name your images (`spam-pipe run path/to/photos`) "
                "or a dataset (`spam-pipe datasets` lists them), or see `spam-pipe demo`"
            )
        else:
            name, continued = last, True
    check_name(name)
    folder = outputs.child(name)
    saved = read_toml(_read_text(folder, _CONFIG), f"{folder}/{_CONFIG}")
    before = _table(saved, "dataset").get("name")
    if dataset is None and before is None and not starts:
        runs = find_runs(outputs)
        meant = f"; {did_you_mean(name, runs)}" if runs else ""
        raise ConfigError(f"--run {name}: not in {outputs}{meant} (a --dataset starts a new run)")
    if reset or (fresh and dataset is not None):
        kept = _table(saved, "dataset")
        saved = {"dataset": {key: kept[key] for key in _INPUT if key in kept}}
    if dataset is None:
        dataset = before or "sample"
    elif dataset != before or fresh:
        saved.pop("dataset", None)  # another dataset's place and split mean nothing for this one
    chosen: dict[str, Any] = {"dataset": {"name": dataset}}
    config = resolve([dataset_layer(dataset), saved, chosen, asked])
    try:
        dump_toml(config).encode()
    except UnicodeEncodeError as error:
        raise ConfigError("an option names a file or folder not in UTF-8: rename that") from error
    return Run(name, folder, config, continued)


def find_runs(outputs: Folder) -> list[str]:
    """List the runs below the outputs folder."""
    return [name for name in outputs.names() if outputs.read(f"{name}/{_CONFIG}") is not None]


def check_name(name: str) -> None:
    """Refuse a run's name that can't be a folder's.

    Raises
    ------
    ConfigError
        Naming the characters that it may hold.
    """
    if not re.fullmatch(r"[\w][\w .+=@-]*", name) or len(name.encode()) > _LONGEST_NAME:
        raise ConfigError(
            f"--run {name!r}: use letters, digits, spaces and . _ - + = @ only, a letter or digit "
            f"first, at most {_LONGEST_NAME}"
        )


def name_after(dataset: Layer) -> str:
    """Name a run after its dataset; a folder of images after the folder."""
    images = dataset.get("images")
    if dataset["name"] == "folder" and images:
        name = re.sub(r"[^\w .+=@-]", "-", Path(str(images)).resolve().name)
        return name.lstrip(" .+=@-")[: _LONGEST_NAME // 4] or "folder"
    return str(dataset["name"])


def _read_text(folder: Folder, key: str) -> str:
    try:
        return (folder.read(key) or b"").decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{folder}/{key}: is damaged; delete it") from error


def _table(options: Layer, key: str) -> Layer:
    """Return a table of options; nothing where it is no table, which is an error later."""
    found = options.get(key)
    return found if isinstance(found, Mapping) else {}


def open_existing_run(location: str, name: str | None) -> tuple[Folder, Run]:
    """Return the outputs folder and a run that is there.

    Raises
    ------
    UserError
        When the folder has no run of that name, or no run.
    """
    outputs = open_folder(location)
    runs = find_runs(outputs)
    if not runs:
        raise UserError(f"--outputs {outputs}: no runs there; `spam-pipe run` makes one")
    if name is not None and name not in runs:
        raise UserError(f"--run {name}: not in {outputs}; {did_you_mean(name, runs)}")
    return outputs, open_run(outputs, name, [])
