"""The faults of a run that was read back, and their removal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.units import Unit


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be."""

    # where; of a whole store without an item
    store: str
    item: str
    unit: Unit
    # ``damaged``: bytes differ from what was put; ``invalid``: an invariant does not hold;
    # ``outdated``: made from other inputs or by another version; ``differs``: computed again it
    # comes out different
    kind: str
    reason: str  # in words
    # keys, below the run's folder, that `repair` deletes, in this order
    remove: tuple[str, ...] = ()
    # content of the keys that `repair` puts
    rewrite: Mapping[str, bytes] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return its fields for people and programs."""
        where = {"store": self.store, "item": self.item, "n_superpixels": self.unit}
        return {**where, "finding": self.kind, "reason": self.reason}


@dataclass
class Verified:
    """The result of reading a run back."""

    findings: list[Finding] = field(default_factory=list)  # the faults
    # how many of each were read
    stores: int = 0
    units: int = 0
    recomputed: int = 0  # how many items were computed again
    # keys of files that interrupted work left; harmless
    leftovers: list[str] = field(default_factory=list)
    # stores of a newer version or with options that this one does not know, and items of other
    # datasets whose names don't say enough: they were not read
    unknown: list[str] = field(default_factory=list)


def repair(run: Run, verified: Verified) -> None:
    """Remove bad results, so that the next run makes just those again, and all leftovers."""
    for finding in verified.findings:
        for key in finding.remove:
            run.folder.delete(key)
        for key, content in finding.rewrite.items():
            run.folder.write(key, content)
    for key in verified.leftovers:
        run.folder.delete(key)
