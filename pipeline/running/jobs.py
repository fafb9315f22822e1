"""Jobs and their outcomes: the data that travels to workers and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.units import Unit


@dataclass(frozen=True)
class Context:
    """The data that all items share under one configuration; small: it travels with every task."""

    config_json: str  # the run's configuration
    run_url: str  # the run's folder
    device: str = "cpu"  # ``cpu`` or ``cuda[:i]``
    item_timeout: float | None = None  # seconds after which an item is given up; None for no limit


@dataclass(frozen=True)
class Job:
    """One item and the units that it misses under one configuration."""

    item: Item  # the item
    work: Mapping[str, tuple[Unit, ...]]  # the missing units by stage, stages in order
    context: Context  # the configuration, and where results go
    point: int = 0  # number of the configuration among those that the command brings up to date


Task = tuple[Job, ...]
"""Jobs on one item, done one after the other in one process: what they share is made once."""


@dataclass(frozen=True)
class Failure:
    """Why an item could not be completed."""

    stage: str
    kind: str
    message: str


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job."""

    item_id: str  # the item
    # seconds of each unit made: the stage's own, and what loading and storing it added
    seconds: Mapping[tuple[str, Unit], tuple[float, float]] = field(default_factory=dict)
    failure: Failure | None = None  # None when everything was made
    notes: tuple[str, ...] = ()  # what a stage had to say of the item
    point: int = 0  # the job's
