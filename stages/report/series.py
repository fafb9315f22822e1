"""The values that all rows of a summary share, and the shortest names that tell series apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import pandas as pd

SERIES = ("method", "prior", "config")
"""The columns that tell methods of one dataset's split apart."""

NAMES = ("dataset", "split", "method", "prior", "config")

YARDSTICKS = frozenset({"grid", "voronoi", "ground-truth"})
"""Methods that mark the bounds; tables list them last and never as the best."""


@dataclass(frozen=True)
class MethodKey:
    """One method of a report under one configuration: a value for each of `SERIES`."""

    method: str  # the superpixel method
    prior: str  # the source of its prior, or ``none``
    config: str  # its options in words, or the label of a sweep's point

    @classmethod
    def of(cls, row: "Mapping[str, Any] | pd.Series[Any]") -> Self:
        """Return the method that a row of a table is about."""
        return cls(*(str(row[name]) for name in SERIES))

    def __str__(self) -> str:
        return " ".join(self.values)

    @property
    def values(self) -> tuple[str, str, str]:
        """The values in the order of `SERIES`, as tables have them."""
        return self.method, self.prior, self.config

    @property
    def family(self) -> tuple[str, str]:
        """Method and prior: what variants with other options share."""
        return self.method, self.prior


@dataclass(frozen=True)
class Series:
    """The rows of one summary, named."""

    common: dict[str, str]  # values shared by all rows, by column
    # one label per row, equal for rows that differ in the requested count alone; empty when there
    # is one series only
    labels: list[str]

    def title(self) -> str:
        """Return the values that all rows share, as one phrase."""
        parts = [self.common.get("dataset", ""), *({self.common.get("split", "")} - {"all"})]
        parts.append(self.common.get("method", ""))
        parts.append(say_prior(self.common.get("prior", "")))
        return " · ".join(part for part in parts if part)


def name_series(summary: pd.DataFrame) -> Series:
    """Name the series of a summary table.

    Parameters
    ----------
    summary
        From `stages.report.tables.summary_table`.

    Returns
    -------
    Columns that are the same everywhere are left out of the labels, and so is `config`
    where the others tell the series apart. The labels of a sweep's points, which are their
    `config`, stand alone.
    """
    names = summary[list(NAMES)]
    common = {name: str(names[name].iloc[0]) for name in NAMES if names[name].nunique() == 1}
    varying = [name for name in NAMES if name not in common]
    without_config = [name for name in varying if name != "config"]
    n_series = len(names.drop_duplicates())
    configs = names["config"].astype(str).unique()
    if len(configs) == n_series > 1 and not any(map(_is_described, configs)):
        varying = ["config"]  # a sweep's labels say all that differs
    elif without_config and len(names[without_config].drop_duplicates()) == n_series:
        varying = without_config
    said = names[varying].astype(str)
    if "prior" in varying:
        said["prior"] = said["prior"].map(say_prior)
    labels = [" · ".join(part for part in row if part) for row in said.to_numpy().tolist()]
    return Series(common, labels)


def labels_of(summary: pd.DataFrame) -> dict[MethodKey, str]:
    """Return what each method of a summary is called; nothing for an empty one."""
    if summary.empty:
        return {}
    labels = name_series(summary).labels
    rows = (row for _, row in summary.iterrows())
    return {MethodKey.of(row): label for row, label in zip(rows, labels, strict=True)}


def say_prior(prior: str) -> str:
    """Say a prior's name so that it is understood beside a method's."""
    return {"": "", "none": "no prior"}.get(prior, f"{prior} prior")


def _is_described(config: str) -> bool:
    """Say whether a config's name describes its options rather than being a sweep's label."""
    return config == "by default" or config.startswith("with ")
