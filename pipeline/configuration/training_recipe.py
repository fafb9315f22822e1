"""What a training is: its recipe and its images, from TOML files and options."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from spam_pipe.pipeline.configuration.run_config import Layer, merge, read_config_file, stated
from spam_pipe.pipeline.datasets.config import DatasetConfig
from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.stages.suggestion import did_you_mean
from spam_pipe.stages.train.config import TrainConfig

RECIPE = "train.toml"
"""In a training's folder: all that was resolved; passed to `--config` it repeats the training."""

DEFAULT = "train-trunk"
"""The shipped configuration that is taken where nothing else is said."""


class TrainingConfig(TrainConfig):
    """Everything that decides a training's results."""

    dataset: DatasetConfig = DatasetConfig(name="bsd")


def default_folder(config: str | None) -> Path:
    """Return where a training goes that was given no folder: named after its configuration."""
    return Path("training") / Path(config or DEFAULT).stem.removeprefix("train-")


def read_recipe(config: str | None, folder: Path, layers: Iterable[Layer]) -> TrainingConfig:
    """Resolve a training's configuration.

    Parameters
    ----------
    config
        `--config`; without it the recipe that the folder's training was begun with goes on, and
        a new one takes `DEFAULT`.
    folder
        The training's folder.
    layers
        What the command's other options say, weakest first; they win over the file.

    Raises
    ------
    ConfigError
        In one line: the key, what is wrong with it and, for an unknown key, the nearest known.
    """
    begun = folder / RECIPE
    if config is None and begun.is_file():
        layer = read_config_file(begun)
    else:
        layer = read_config_file(Path(config or DEFAULT))
    below = merge([{"dataset": {"name": "bsd"}, "network": {"name": "trunk"}}, layer])
    asked = list(layers)
    for table in ("network", "dataset"):
        if _name(merge(asked), table) not in {None, _name(below, table)}:
            del below[table]  # options of another network or dataset mean nothing here
    try:
        return TrainingConfig.model_validate(stated(merge([below, *asked])))
    except ValidationError as error:
        raise ConfigError(_explain(error)) from error


def dump_recipe(config: TrainingConfig) -> str:
    """Write all that was resolved; an option that is None is left out."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def _name(layer: Layer, table: str) -> object:
    inner = layer.get(table)
    return inner.get("name") if isinstance(inner, Mapping) else None


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    if path[:1] == ["network"] and len(path) > 2:
        del path[1]  # the kind of network, which pydantic puts between
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        return f"{key}: no such option of a training; {did_you_mean(key, _known_keys())}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {message} (given: {first['input']!r})" if key else message


def _known_keys() -> list[str]:
    """Return all options by their full names, the default network's among them."""
    values: dict[str, Any] = TrainingConfig().model_dump()
    tables = {key: value for key, value in values.items() if isinstance(value, dict)}
    return [*values, *(f"{key}.{name}" for key, table in tables.items() for name in table)]
