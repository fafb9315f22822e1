"""A run's configuration: its model, its layers and its TOML.

Precedence, weakest first: defaults, the dataset's file in `configs/`, the run's own `run.toml`,
`--config`, `--set`, the command's flags.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

import spam_pipe
from spam_pipe.pipeline.configuration.sizes import Sizes
from spam_pipe.pipeline.datasets.config import DatasetConfig
from spam_pipe.pipeline.errors import ConfigError, plain_words
from spam_pipe.stages.evaluate.config import EvaluateConfig
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.report.config import ReportConfig
from spam_pipe.stages.suggestion import did_you_mean

Layer = Mapping[str, Any]
"""Nested options as a TOML file holds them."""

_DEEPEST = 12


def _counts(values: tuple[int, ...]) -> tuple[int, ...]:
    if not values:
        raise ValueError("give at least one number of superpixels, such as 100,400")
    if min(values) < 1:
        raise ValueError(f"a number of superpixels is at least 1, not {min(values)}")
    return tuple(sorted(set(values)))


class RunConfig(BaseModel):
    """Everything that decides a run's results."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_superpixels: Annotated[tuple[int, ...], AfterValidator(_counts)] = Field(
        (100, 400), description="requested numbers of superpixels"
    )
    superpixel_size: Sizes = Field(
        (),
        description="instead of n_superpixels: sizes of superpixels, as their edge in pixels (20) "
        "or, of georeferenced images, on the ground (20m)",
    )
    dataset: DatasetConfig = DatasetConfig()
    propose: ProposeConfig = ProposeConfig()
    prior: PriorConfig = PriorConfig()
    segment: SegmentConfig = SegmentConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    report: ReportConfig = ReportConfig()

    @property
    def units(self) -> tuple[int, ...] | tuple[str, ...]:
        """Units of each image: numbers of superpixels, or sizes."""
        return self.superpixel_size or self.n_superpixels


def merge(layers: Iterable[Layer]) -> dict[str, Any]:
    """Lay nested options over one another; later layers win, key by key.

    None takes an option back, also from layers that the result is laid over in its turn.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if isinstance(value, Mapping):
                below = merged.get(key)
                merged[key] = merge([below if isinstance(below, Mapping) else {}, value])
            else:
                merged[key] = value
    return merged


def stated(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested options without those that were taken back."""
    return {
        key: stated(value) if isinstance(value, Mapping) else value
        for key, value in options.items()
        if value is not None
    }


def resolve(layers: Iterable[Layer]) -> RunConfig:
    """Validate the merged layers.

    Raises
    ------
    ConfigError
        In one line: the key, what is wrong with it and, for an unknown key, the nearest known.
    """
    try:
        return RunConfig.model_validate(stated(merge(layers)))
    except ValidationError as error:
        raise ConfigError(_explain(error)) from error
    except UnicodeEncodeError as error:
        raise ConfigError("an option is not in UTF-8: rename the file or folder") from error


def parse_assignment(text: str) -> dict[str, Any]:
    """Parse `key.subkey=value`; the value is TOML, `default`, or else a plain string."""
    key, equals, value = text.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        raise ConfigError(f"--set {text}: write key=value, such as segment.compactness=5")
    layer = nest(key.strip(), _parse_value(value.strip()))
    _require_shallow(layer, f"--set {key}")
    return layer


def nest(key: str, value: Any) -> dict[str, Any]:
    """Return the nested options in which a dotted key has a value."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)


def read_toml(text: str, name: str) -> dict[str, Any]:
    """Parse a TOML text; `name` is what an error calls it."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        raise ConfigError(f"{name}: not valid TOML: {error}") from error
    _require_shallow(table, name)
    return table


def _require_shallow(options: Mapping[str, Any], name: str) -> None:
    """Refuse what is nested deeper than any option is, before anything recurses into it."""
    level: list[Any] = [options]
    for _ in range(_DEEPEST):
        level = [
            value
            for table in level
            for value in (table.values() if isinstance(table, Mapping) else table)
            if isinstance(value, (Mapping, list))
        ]
    if level:
        raise ConfigError(f"{name}: nested more than {_DEEPEST} deep; no option is")


def read_config_file(path: Path, option: str = "--config") -> dict[str, Any]:
    """Read a TOML file given by the user, or one of the shipped `configs/` by its name."""
    try:
        shipped_one = configs_folder() / f"{path.name.removesuffix('.toml')}.toml"
        found = path if path.is_file() else shipped_one
        return read_toml(found.read_text(encoding="utf-8"), str(found))
    except (OSError, UnicodeDecodeError) as error:
        shipped = sorted(file.stem for file in configs_folder().glob("*.toml"))
        near = did_you_mean(str(path), shipped, "choose one that is there")
        raise ConfigError(
            f"{option} {path}: no readable file of that name; {near} (shipped: "
            f"{', '.join(shipped)})"
        ) from error


def dump_toml(config: RunConfig) -> str:
    """Write all that was resolved; an option that is None is left out."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def configs_folder() -> Path:
    """Return the folder of the shipped configurations."""
    return Path(spam_pipe.__file__).parent / "configs"


def dataset_layer(name: str) -> dict[str, Any]:
    """Return the dataset's own file of `configs/`, empty where it has none."""
    path = configs_folder() / f"{name}.toml"
    return read_toml(path.read_text(encoding="utf-8"), str(path)) if path.is_file() else {}


def flatten(layer: Layer, prefix: str = "") -> dict[str, Any]:
    """Return nested options by their dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in layer.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _parse_value(text: str) -> Any:
    if text == "default":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        suggestion = _suggestion(path)
        return f"{key}: no such option" + (f"; {suggestion}" if suggestion else "")
    message = plain_words(first["msg"])
    if isinstance(first["input"], Mapping):  # two options that don't go together
        return f"{key}: {message}"
    return f"{key}: {message} (given: {first['input']!r})"


def _suggestion(path: list[str]) -> str:
    known: type[BaseModel] = RunConfig
    for part in path[:-1]:
        inner = known.model_fields[part].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return ""
        known = inner
    # A key that stands one level too high or too low is as common as a misspelt one.
    candidates = [".".join([*path[:-1], name]) for name in known.model_fields]
    elsewhere = [full for full in _all_keys(RunConfig) if full.split(".")[-1] == path[-1]]
    otherwise = f"did you mean {elsewhere[0]}?" if elsewhere else None
    return did_you_mean(".".join(path), candidates, otherwise)


def _all_keys(model: type[BaseModel], prefix: str = "") -> Iterable[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _all_keys(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"
