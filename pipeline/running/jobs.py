"""What is to be done with an item, and what became of it: all that travels to workers and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.units import Unit


@dataclass(frozen=True)
class Context:
    """What all items share under one configuration; small, because it travels with every task.

    Attributes
    ----------
    config_json
        The run's configuration.
    run_url
        The run's folder.
    device
        ``cpu`` or ``cuda[:i]``.
    item_timeout
        Seconds after which an item is given up; None for no limit.
    """

    config_json: str
    run_url: str
    device: str = "cpu"
    item_timeout: float | None = None


@dataclass(frozen=True)
class Job:
    """One item and the units that it misses under one configuration.

    Attributes
    ----------
    item
        The item.
    work
        The missing units by stage, stages in order.
    context
        The configuration, and where results go.
    point
        Number of the configuration among those that the command brings up to date.
    """

    item: Item
    work: Mapping[str, tuple[Unit, ...]]
    context: Context
    point: int = 0


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
    """What became of a job.

    Attributes
    ----------
    item_id
        The item.
    seconds
        Seconds of each unit made: the stage's own, and what loading and storing it added.
    failure
        None when everything was made.
    notes
        What a stage had to say of the item.
    point
        The job's.
    """

    item_id: str
    seconds: Mapping[tuple[str, Unit], tuple[float, float]] = field(default_factory=dict)
    failure: Failure | None = None
    notes: tuple[str, ...] = ()
    point: int = 0
