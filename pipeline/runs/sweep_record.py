"""`sweep.json`: the points of a run's sweep, by which the report names rows and draws figures."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from spam_pipe.pipeline.runs.chain import Chain
from spam_pipe.pipeline.store.folder import Folder

_KEY = "sweep.json"


@dataclass(frozen=True)
class SweptPoint:
    """A point that runs.

    Attributes
    ----------
    label
        Its name in tables; `config` in the metric table.
    values
        By axis: the number where it stands, or the label there.
    store
        Name of the store of its evaluation.
    """

    label: str
    values: Mapping[str, float | str]
    store: str


@dataclass(frozen=True)
class SkippedPoint:
    """A point that cannot run here, and why."""

    label: str
    reason: str


@dataclass(frozen=True)
class SweepRecord:
    """The sweep of a run, as its folder keeps it.

    Attributes
    ----------
    name
        The sweep's file.
    reference
        Label of the point that others are compared with.
    points, skipped
        All points of the file.
    """

    name: str
    reference: str
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
    """Return the `config` of a chain's rows: its point's label, else eight digits of its hash."""
    digest = chain["segment"].config_digest[:8]
    return digest if record is None else record.labels.get(chain["evaluate"].store.name, digest)
