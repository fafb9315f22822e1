"""The configuration of a training: its recipe and its images, from TOML files and options."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spam_pipe.pipeline.configuration.run_config import Layer, merge, read_config_file, stated
from spam_pipe.pipeline.datasets.config import DatasetConfig
from spam_pipe.pipeline.errors import ConfigError, plain_words
from spam_pipe.pipeline.home import expand_home
from spam_pipe.stages.suggestion import did_you_mean
from spam_pipe.stages.train.config import TrainConfig

RECIPE = "train.toml"
"""In a training's folder: all that was resolved; passed to `--config` it repeats the training."""

DEFAULT = "train-efficientunet"
"""The shipped configuration that is taken where nothing else is said."""


class AlsoConfig(BaseModel):
    """A folder of annotated images that a share of the samples comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    images: str = Field(
        description="folder of images: as it stands, else within the folder that holds datasets"
    )
    ground_truth: str = Field(description="folder of label maps named as the images are")
    share: float = Field(gt=0, lt=1, description="of all samples; the dataset gets what is left")
    void: int | None = Field(None, ge=0, description="label that means nothing is known")
    contours: float = Field(
        1.0, ge=0, description="weight of its contours: classes leave many of them unmarked"
    )
    hold_out: int = Field(
        25, ge=0, description="every n-th image is kept for validation, 0 for none of them"
    )


class TrainingConfig(TrainConfig):
    """Everything that decides a training's results."""

    dataset: DatasetConfig = DatasetConfig(name="bsd")
    void: int | None = Field(
        None, ge=0, description="label of the dataset's ground truth that means nothing is known"
    )
    also: tuple[AlsoConfig, ...] = Field(
        (), description="further folders of annotated images to train on, with their shares"
    )

    @model_validator(mode="after")
    def _leaves_a_share(self) -> Self:
        if sum(each.share for each in self.also) >= 1:
            raise ValueError("also: the shares leave nothing for the dataset; their sum is below 1")
        return self


def parse_also(text: str) -> dict[str, Any]:
    """Read `FOLDER:GROUND_TRUTH:SHARE`.

    Raises
    ------
    ConfigError
        When it is not of that form.
    """
    parts = text.rsplit(":", 2)
    try:
        images, ground_truth, share = parts
        named = {"images": _absolute(images), "ground_truth": _absolute(ground_truth)}
        return {**named, "share": float(share)}
    except ValueError as error:
        raise ConfigError(
            f"--also {text}: write FOLDER:GROUND_TRUTH:SHARE, such as photos:labels:0.3"
        ) from error


def _absolute(folder: str) -> str:
    """Return a folder that a later process finds from wherever it is started."""
    path = expand_home(folder)
    return str(path.absolute()) if path.is_dir() else folder


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
    below = merge([{"dataset": {"name": "bsd"}, "network": {"name": "efficientunet"}}, layer])
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
    message = plain_words(first["msg"])
    return f"{key}: {message} (given: {first['input']!r})" if key else message


def _known_keys() -> list[str]:
    """Return all options by their full names, the default network's among them."""
    values: dict[str, Any] = TrainingConfig().model_dump()
    tables = {key: value for key, value in values.items() if isinstance(value, dict)}
    return [*values, *(f"{key}.{name}" for key, table in tables.items() for name in table)]
