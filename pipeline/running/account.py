"""The account of a command: counted for its closing line, kept in failures.csv."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from time import monotonic
from typing import Any

from spam_pipe.pipeline.running.jobs import Outcome
from spam_pipe.pipeline.running.plan import ItemPlan, State, plan
from spam_pipe.pipeline.running.runner import Callback
from spam_pipe.pipeline.runs.chain import Chain, build_chain, described_config, prior_of
from spam_pipe.pipeline.runs.failures import FailedItem, Failures
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.runs.shard import Shard
from spam_pipe.pipeline.runs.sweep_record import config_name, read_record
from spam_pipe.pipeline.store.store import Store
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


@dataclass(frozen=True)
class Made:
    """What is there of one method at one number or size of superpixels."""

    method: str  # its name, prior and options in words
    unit: Unit  # the number or the size
    n_images: int  # of how many images the run is
    # for how many of them superpixels and metrics are there and up to date
    segmented: int = 0
    measured: int = 0
    # for how many a result is out of date, or could not be made
    stale: int = 0
    failed: int = 0


def count_methods(run: Run, selection: Selection) -> tuple[list[Made], int]:
    """Return what is there of every method at every number, and how many stores no option names.

    Results that nobody asked for any more are looked at too: they are current or out of date.
    """
    sweep, failed = read_record(run.folder), frozenset(Failures(run.folder).items)
    made: list[Made] = []
    unknown = 0
    for name in run.folder.names():
        if not (name.startswith("segment-") and name.endswith(".zarr")):
            continue
        config = described_config(Store(run.folder, name).describe() or {}, run.config)
        if config is not None and not config.superpixel_size:
            counts = tuple(sorted({*config.n_superpixels, *run.counts()}))
            config = config.model_copy(update={"n_superpixels": counts})
        chain = {} if config is None else build_chain(config, run.folder)
        if config is None or chain["segment"].store.name != name:
            unknown += 1
            continue
        prior, options = prior_of(chain), config_name(chain, sweep)
        words: tuple[str, ...] = (
            config.segment.method,
            "no prior" if prior == "none" else f"{prior} prior",
        )
        if options != "by default":
            words += (options.removeprefix("with "),)
        label = ", ".join(words)
        found: dict[Unit, Counter[str]] = {unit: Counter() for unit in config.units}
        n_images = 0
        for planned in plan(selection, chain, config, run.folder, failed=failed):
            n_images += 1
            for unit, counts_of in found.items():
                states = [planned.states[stage][unit] for stage in ("segment", "evaluate")]
                counts_of["segmented"] += states[0] is State.DONE
                counts_of["measured"] += states[1] is State.DONE
                counts_of["stale"] += State.STALE in states
                counts_of["failed"] += State.FAILED in states
        made += [
            Made(label, unit, n_images, **each)
            for unit, each in found.items()
            if any(each.values())
        ]
    return made, unknown
