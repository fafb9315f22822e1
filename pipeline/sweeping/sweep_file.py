"""A sweep's file: options that all points share, and the axes whose values they combine.

The shape of such a file::

    reference = "D=20"                    # the point that others are compared with (the first)
    datasets = ["bsd", "nyuv2"]           # one run each (else the dataset of [base])
    points = [                            # further points beside the grid
      { label = "as the paper", segment.mode = "paper" },
    ]

    [base]                                # options as in any configuration file
    n_superpixels = [100, 400]

    [[axis]]                              # a key and its values
    key = "segment.compactness"
    values = [1, 5, 30]

    [[axis]]                              # or named points, each with options of its own
    name = "prior"
    points = [
      { label = "no prior", propose.source = "none" },
      { label = "own masks", propose.source = "masks", needs = ["propose.masks"] },
    ]
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spam_pipe.pipeline.configuration.run_config import (
    Layer,
    RunConfig,
    flatten,
    merge,
    nest,
    read_config_file,
)
from spam_pipe.pipeline.errors import ConfigError, plain_words
from spam_pipe.stages.suggestion import did_you_mean

Value = bool | int | float | str

_LARGEST = 2**53
_MOST_POINTS = 10_000

_NOT_SWEPT = {
    "n_superpixels": "list the counts under [base]: each is made at every point",
    "dataset": 'list datasets at the top, as in datasets = ["bsd", "nyuv2"]',
    "report": "options of the report belong under [base.report]",
}


class PointTable(BaseModel):
    """One value of an axis: a label, and options in tables as in any configuration file."""

    model_config = ConfigDict(frozen=True, extra="allow")

    label: str = Field(description="what tables and figures call it; empty to say nothing")
    value: float | None = Field(None, description="where it stands on a figure's axis")
    needs: tuple[str, ...] = Field(
        (), description="options that must be given with --set, else the point is skipped"
    )

    @property
    def layer(self) -> dict[str, Any]:
        """Its options."""
        return dict(self.model_extra or {})


class AxisTable(BaseModel):
    """One axis of the grid."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("", description="what figures call it; by default the end of the key")
    key: str | None = Field(None, description="the option that takes the values")
    values: tuple[Value, ...] = Field((), description="the key's values")
    points: tuple[PointTable, ...] = Field((), description="named points instead of values")

    @model_validator(mode="after")
    def _holds_points(self) -> "AxisTable":
        if bool(self.values) == bool(self.points):
            raise ValueError("an axis has values or points: give one of them, and not empty")
        if self.values and self.key is None:
            raise ValueError('values need the key they are for, as in key = "segment.rho"')
        if self.points and self.key is not None:
            raise ValueError("points name their own options: leave the key out")
        if self.key is not None and self.key.partition(".")[0] in PointTable.model_fields:
            raise ValueError(f"key {self.key!r} is no option")
        if any(isinstance(value, int) and abs(value) > _LARGEST for value in self.values):
            raise ValueError(f"values are at most {_LARGEST}")
        return self

    @property
    def title(self) -> str:
        """Its name in figures and labels."""
        return self.name or (self.key or "").rpartition(".")[2]

    def tables(self) -> Iterator[PointTable]:
        """Yield its points, values made points."""
        yield from self.points
        for value in self.values:
            number = None if isinstance(value, (str, bool)) else float(value)
            layer = nest(str(self.key), value)
            yield PointTable(label=f"{self.title}={_say(value)}", value=number, **layer)


class SweepTable(BaseModel):
    """A whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: str | None = None
    datasets: tuple[str, ...] = ()
    base: dict[str, Any] = Field(default_factory=dict)
    axis: tuple[AxisTable, ...] = ()
    points: tuple[PointTable, ...] = ()


@dataclass(frozen=True)
class Point:
    """One configuration of a sweep."""

    label: str  # what tables and figures call it
    values: Mapping[str, float | str]  # by axis: the number where it stands, or the label there
    layer: Layer  # its own options
    needs: tuple[str, ...]  # options that must be set for it to run


@dataclass(frozen=True)
class Sweep:
    """A sweep as its file describes it."""

    name: str  # the file's
    base: Layer  # options that all points share
    datasets: tuple[str, ...]  # names of the datasets; empty where `base` or the command says
    points: tuple[Point, ...]  # in the order of the file, the last axis running fastest
    reference: str  # label of the point that others are compared with


def read_sweep(path: str) -> Sweep:
    """Read a sweep's file, or a shipped one by its name.

    Raises
    ------
    ConfigError
        In one line: what is wrong with the file and the cure.
    """
    text = read_config_file(Path(path), option="sweep")
    name = Path(path).name.removesuffix(".toml")
    try:
        table = SweepTable.model_validate(text)
    except ValidationError as error:
        raise ConfigError(f"sweep {name}: {_explain(error)}") from error
    if not table.axis:
        raise ConfigError(f"sweep {name}: an empty grid; add an [[axis]] with values or points")
    n_points = math.prod(len(axis.values) + len(axis.points) for axis in table.axis)
    if n_points > _MOST_POINTS:
        raise ConfigError(
            f"sweep {name}: a grid of {n_points} points; {_MOST_POINTS} are the most: split it"
        )
    points = (
        *(_combine(name, tables, table.axis) for tables in _grid(table.axis)),
        *(_combine(name, [alone], ()) for alone in table.points),
    )
    _require_different(name, points)
    reference = table.reference or points[0].label
    if reference not in {point.label for point in points}:
        first = f"the first is {points[0].label}"
        cure = did_you_mean(reference, [point.label for point in points], first)
        raise ConfigError(f"sweep {name}: reference {reference!r} is no point's label; {cure}")
    return Sweep(name, table.base, table.datasets, points, reference)


def require_no_conflict(sweep: Sweep, given: Layer) -> None:
    """Refuse options of the command that a point sets otherwise.

    Raises
    ------
    ConfigError
        Naming the key.
    """
    varied = {key for point in sweep.points for key in flatten(point.layer)}
    if both := sorted(varied & set(flatten(given))):
        raise ConfigError(f"{both[0]}: the sweep {sweep.name} varies it; leave it out")


def _grid(axes: Sequence[AxisTable]) -> Iterator[tuple[PointTable, ...]]:
    return product(*(tuple(axis.tables()) for axis in axes))


def _combine(name: str, tables: Sequence[PointTable], axes: Sequence[AxisTable]) -> Point:
    """Lay one point of each axis over one another; without axes it stands nowhere on any."""
    label = ", ".join(table.label for table in tables if table.label) or "default"
    layer = merge(table.layer for table in tables)
    for key in layer:
        if key in _NOT_SWEPT:
            raise ConfigError(f"sweep {name}: {key} is no axis; {_NOT_SWEPT[key]}")
        if key not in RunConfig.model_fields:
            cure = did_you_mean(key, [*PointTable.model_fields, *RunConfig.model_fields])
            raise ConfigError(f"sweep {name}: point {label!r}: {key}: no such option; {cure}")
    values = {
        axis.title or f"axis {number}": table.label if table.value is None else table.value
        for number, (table, axis) in enumerate(zip(tables, axes, strict=False), start=1)
    }
    needs = tuple(key for table in tables for key in table.needs)
    return Point(label, values, layer, needs)


def _require_different(name: str, points: Sequence[Point]) -> None:
    labels: set[str] = set()
    for point in points:
        if point.label in labels:
            raise ConfigError(
                f"sweep {name}: two points are called {point.label!r}; give one another label"
            )
        labels.add(point.label)


def _say(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    if path[:1] == ["axis"] and len(path) > 1:
        path[1] = str(int(path[1]) + 1)
    key = " ".join(path)
    if first["type"] == "extra_forbidden":
        known = SweepTable.model_fields if len(path) == 1 else AxisTable.model_fields
        if len(path) == 1 and path[0] in RunConfig.model_fields:
            return f"{key}: options that all points share go under [base], as [base.{key}]"
        return f"{key}: no such entry; {did_you_mean(path[-1], known)}"
    return f"{key}: {plain_words(first['msg'])}"
