"""The account of a command: counted for its closing line, kept in failures.csv."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from time import monotonic
from typing import Any

from spam_pipe.pipeline.running.jobs import Outcome
from spam_pipe.pipeline.running.plan import ItemPlan, State, plan
from spam_pipe.pipeline.running.runner import Callback
from spam_pipe.pipeline.runs.chain import Chain, build_chain
from spam_pipe.pipeline.runs.failures import FailedItem, Failures
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.runs.shard import Shard
from spam_pipe.pipeline.units import Unit

_SAVE_EVERY = 5.0
_SAVING_SHARE = 0.05
"""Share of the time that may go into saving failures: the file of a million takes seconds."""


@dataclass
class Summary:
    """Counts and failures of a command."""

    n_items: int = 0  # items of the dataset that the command was about
    n_expected: int | None = None  # items that the split officially has; None if unknown
    # items found complete, computed now, failed now, left alone for an earlier failure; in a sweep
    # an item counts once per point
    complete: int = 0
    computed: int = 0
    failed: int = 0
    skipped: int = 0
    # stages with results out of date, and of how many items
    stale: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0  # wall time
    # stage's own seconds and the pipeline's overhead, summed over items
    stage_seconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)  # what stages had to say of items
    failures: list[FailedItem] = field(default_factory=list)  # the failed ones
    interrupted: bool = False  # true when the user stopped it
    shard: Shard | None = None  # the part that the command was about, if not the whole

    @property
    def failures_file(self) -> str:
        """Name of the file in the run's folder that says what failed."""
        return "failures.csv" if self.shard is None else f"failures-{self.shard.name}.csv"

    def plain(self) -> dict[str, Any]:
        """Return the fields as JSON knows them."""
        failures = [asdict(failed) for failed in self.failures]
        return {**vars(self), "failures": failures, "stale": dict(+self.stale)}


class Account(Callback):
    """Keeps the summary and the failures of a command up to date.

    Parameters
    ----------
    summary
        Of the items that the command is about.
    failures
        Those of the run, or of the shard.
    chains
        One for each configuration.
    skip_failed
        Whether items that failed before are left alone.
    """

    def __init__(
        self, summary: Summary, failures: Failures, chains: Sequence[Chain], skip_failed: bool
    ) -> None:
        self.summary = summary
        self.failures = failures
        self._chains = chains
        self._skip_failed = skip_failed
        self._started = monotonic()
        self._next_save = self._started + _SAVE_EVERY

    def missing(self, planned: ItemPlan, point: int) -> dict[str, tuple[Unit, ...]]:
        """Count an item; return the units to compute by stage, none where it is left alone."""
        work = planned.work()
        if not work:
            self.summary.complete += 1
            self.failures.clear(planned.item.id, _stores(self._chains[point]))
            return {}
        if self._skip_failed and planned.counts()[State.FAILED]:
            self.summary.skipped += 1
            return {}
        for name, units in planned.states.items():
            self.summary.stale[name] += State.STALE in units.values()
        return work

    def finished(self, outcome: Outcome) -> None:
        """Count a job, note its failure or that it failed no more."""
        summary, chain, failure = self.summary, self._chains[outcome.point], outcome.failure
        for (stage, _), (own, overhead) in outcome.seconds.items():
            before = summary.stage_seconds.get(stage, (0.0, 0.0))
            summary.stage_seconds[stage] = before[0] + own, before[1] + overhead
        summary.notes.update(outcome.notes)
        if failure is None:
            summary.computed += 1
            self.failures.clear(outcome.item_id, _stores(chain))
        else:
            summary.failed += 1
            made = dict.fromkeys(stage for stage, _ in outcome.seconds)
            self.failures.clear(outcome.item_id, [chain[name].store.name for name in made])
            failed = FailedItem(
                failure.stage,
                outcome.item_id,
                failure.kind,
                failure.message,
                chain[failure.stage].store.name,
            )
            self.failures.record(failed)
            summary.failures.append(failed)
        self._save_now_and_then()

    def end(self) -> None:
        """Store the failures; a command on the whole run takes over those of its shards."""
        self.failures.save()
        if self.summary.shard is None:
            for name in self.failures.shards:
                self.failures.drop_list_of(name)
        self.summary.seconds = monotonic() - self._started

    def _save_now_and_then(self) -> None:
        if (begun := monotonic()) > self._next_save:
            self.failures.save()
            saved = monotonic()
            self._next_save = saved + max(_SAVE_EVERY, (saved - begun) / _SAVING_SHARE)


def _stores(chain: Chain) -> list[str]:
    return [link.store.name for link in chain.values()]


def count_states(run: Run, selection: Selection, target: str) -> dict[str, Counter[State]]:
    """Count, per stage, the units in each state; nothing is computed."""
    chain = build_chain(run.config, run.folder, target)
    counts: dict[str, Counter[State]] = {name: Counter() for name in chain}
    failed = frozenset(Failures(run.folder).items)
    for planned in plan(selection, chain, run.config, run.folder, failed=failed):
        for name, units in planned.states.items():
            counts[name].update(units.values())
    return counts
