"""`sweep.json`: the points of a run's sweep, by which the report names rows and draws figures."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from spam_pipe.pipeline.configuration.run_config import flatten
from spam_pipe.pipeline.runs.chain import Chain, Link
from spam_pipe.pipeline.store.folder import Folder

_KEY = "sweep.json"


@dataclass(frozen=True)
class SweptPoint:
    """A point that runs."""

    label: str  # its name in tables; `config` in the metric table
    values: Mapping[str, float | str]  # by axis: the number where it stands, or the label there
    store: str  # name of the store of its evaluation


@dataclass(frozen=True)
class SkippedPoint:
    """A point that cannot run here, and why."""

    label: str
    reason: str


@dataclass(frozen=True)
class SweepRecord:
    """The sweep of a run, as its folder keeps it."""

    name: str  # the sweep's file
    reference: str  # label of the point that others are compared with
    # all points of the file
    points: tuple[SweptPoint, ...]
    skipped: tuple[SkippedPoint, ...]

    @property
    def labels(self) -> dict[str, str]:
        """Labels by the name of the evaluation's store."""
        return {point.store: point.label for point in self.points}

    def save(self, run: Folder) -> None:
        """Write it into the run's folder."""
        run.write(_KEY, json.dumps(asdict(self), indent=1, ensure_ascii=False).encode())


def read_record(run: Folder) -> SweepRecord | None:
    """Return the record of a run's sweep; None without one, or if it is not readable."""
    content = run.read(_KEY)
    if content is None:
        return None
    try:
        found = json.loads(content)
        return SweepRecord(
            found["name"],
            found["reference"],
            tuple(SweptPoint(**point) for point in found["points"]),
            tuple(SkippedPoint(**point) for point in found["skipped"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def config_name(chain: Chain, record: SweepRecord | None) -> str:
    """Return the `config` of a chain's rows: its point's label, else its options in words.

    The words name every option that is no default, so that different options never share a name.
    Method and source of the prior have columns of their own.
    """
    own = chain["evaluate"].store.name
    if record is not None and own in record.labels:
        return record.labels[own]
    words = [word for link in chain.values() for word in _unusual(link)]
    return f"with {', '.join(dict.fromkeys(words))}" if words else "by default"


def _unusual(link: Link) -> Iterator[str]:
    usual = flatten(type(link.config)().model_dump(mode="json"))
    for key, value in flatten(link.config.model_dump(mode="json")).items():
        if value == usual.get(key) or key in {"method", "source"}:
            continue
        name = key.removesuffix(".mode").replace("_", " ")
        said = f"{value:g}" if isinstance(value, float) else value
        stated = f" {said}" if key.endswith(".mode") else f" = {said}"
        yield f"{name}{stated}"
