"""A run: its name, its folder and its resolved configuration."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spam_pipe.pipeline.configuration.run_config import (
    Layer,
    RunConfig,
    dataset_layer,
    dump_toml,
    merge,
    read_toml,
    resolve,
)
from spam_pipe.pipeline.errors import ConfigError, UserError
from spam_pipe.pipeline.store.folder import Folder, open_folder
from spam_pipe.stages.suggestion import did_you_mean

_LAST = ".last-run"
_CONFIG = "run.toml"
_LONGEST_NAME = 200
"""Bytes of a run's name: file systems end at 255, and names are added to."""


@dataclass(frozen=True)
class Run:
    """A run that commands work on.

    Attributes
    ----------
    name
        Its folder's name below the outputs folder.
    folder
        Where its stores and tables lie.
    config
        All that was resolved.
    continued
        True when nobody named the run and the one used last goes on.
    """

    name: str
    folder: Folder
    config: RunConfig
    continued: bool

    def save(self, outputs: Folder) -> None:
        """Write `run.toml` and remember the run as the one used last."""
        text = dump_toml(self.config).encode()
        if self.folder.read(_CONFIG) != text:
            self.folder.write(_CONFIG, text)
        outputs.write(_LAST, self.name.encode())


def open_run(
    outputs: Folder,
    name: str | None,
    layers: Iterable[Layer],
    *,
    default: str | None = None,
    starts: bool = True,
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
    default
        Name of the dataset to take when the user named neither run nor dataset; None to go on
        with the run used last.
    starts
        Whether a run that is named but not there starts with the embedded pictures where no
        dataset is named.

    Raises
    ------
    ConfigError
        When the configuration is not valid, the name can't be a folder's, or there is no such run
        and nothing to start one with.
    """
    asked = merge(layers)
    dataset = _table(asked, "dataset").get("name")
    continued = False
    if name is None:
        last = _read_text(outputs, _LAST).strip() or None
        if dataset is not None:
            name = name_after(asked["dataset"])
        elif default is not None or last is None:
            name = dataset = default or "sample"
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
    if dataset is None:
        dataset = before or "sample"
    elif dataset != before:
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
        Saying what it may hold.
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
        When there is none of that name, or none at all.
    """
    outputs = open_folder(location)
    runs = find_runs(outputs)
    if not runs:
        raise UserError(f"--outputs {outputs}: no runs there; `spam-pipe run` makes one")
    if name is not None and name not in runs:
        raise UserError(f"--run {name}: not in {outputs}; {did_you_mean(name, runs)}")
    return outputs, open_run(outputs, name, [])
