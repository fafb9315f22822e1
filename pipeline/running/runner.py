"""Plan, run and account for all items of a run, up to one stage."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from time import monotonic
from typing import Any

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.pipeline.running.events import Events
from spam_pipe.pipeline.running.executors import Executor
from spam_pipe.pipeline.running.interruption import stop_on_interrupt
from spam_pipe.pipeline.running.jobs import Context, Job, Outcome, Task
from spam_pipe.pipeline.running.plan import ItemPlan, State, plan
from spam_pipe.pipeline.running.progress import Progress
from spam_pipe.pipeline.runs.chain import Chain, build_chain, describe
from spam_pipe.pipeline.runs.failures import FailedItem, Failures
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.runs.shard import Shard
from spam_pipe.pipeline.units import Unit

_SAVE_EVERY = 5.0
_SAVING_SHARE = 0.05
"""Share of the time that may go into saving failures: the file of a million takes seconds."""
_STOPPING = "stopping after the items at hand; Ctrl-C again stops at once"


@dataclass(frozen=True)
class Choices:
    """How a command runs its items.

    Attributes
    ----------
    overwrite
        Stages to recompute whatever is there.
    skip_failed
        Leave items alone that failed before.
    device
        ``cpu``, ``cuda[:i]`` or ``auto``: where tasks run, the executor knows.
    item_timeout
        Seconds after which an item is given up.
    """

    overwrite: Collection[str] = ()
    skip_failed: bool = False
    device: str = "cpu"
    item_timeout: float | None = None


@dataclass
class Summary:
    """What a command did.

    Attributes
    ----------
    n_items
        Items of the dataset that the command was about.
    n_expected
        Items that the split officially has; None where nobody can say.
    complete, computed, failed, skipped
        Items found complete, computed now, failed now, left alone for an earlier failure; in a
        sweep an item counts once per point.
    stale
        Stages with results out of date, and of how many items.
    seconds
        Wall time.
    stage_seconds
        Stage's own seconds and the pipeline's overhead, summed over items.
    notes
        What stages had to say of items.
    failures
        The failed ones.
    interrupted
        True when the user stopped it.
    shard
        The part that the command was about, if not the whole.
    completes_run
        False for a shard that leaves it to another one to complete the run.
    """

    n_items: int = 0
    n_expected: int | None = None
    complete: int = 0
    computed: int = 0
    failed: int = 0
    skipped: int = 0
    stale: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    stage_seconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    failures: list[FailedItem] = field(default_factory=list)
    interrupted: bool = False
    shard: Shard | None = None
    completes_run: bool = True

    @property
    def failures_file(self) -> str:
        """Name of the file in the run's folder that says what failed."""
        if self.shard is None or self.completes_run:
            return "failures.csv"
        return f"failures-{self.shard.name}.csv"

    def plain(self) -> dict[str, Any]:
        """Return the fields as JSON knows them."""
        failures = [asdict(failed) for failed in self.failures]
        return {**vars(self), "failures": failures, "stale": dict(+self.stale)}


def execute(
    run: Run,
    selection: Selection,
    target: str,
    choices: Choices,
    executor: Executor,
    progress: Progress,
    *,
    warn: Callable[[str], None],
    points: Sequence[RunConfig] = (),
) -> Summary:
    """Bring every selected item up to date up to the target stage.

    Parameters
    ----------
    run, selection, target, choices
        What to do.
    executor, progress, warn
        Where it is done and shown.
    points
        The configurations to bring up to date; by default the run's own. An item's points are
        done together, so that what they share is computed once.
    """
    points = points or (run.config,)
    chains = [build_chain(point, run.folder, target) for point in points]
    for chain in chains:
        for link in chain.values():
            link.store.prepare(describe(chain, link.name))
    part = None if selection.shard is None else selection.shard.name
    failures = Failures(run.folder, part)
    events = Events(run.folder, part)
    summary = Summary(
        selection.n_items,
        selection.dataset.expected(selection.split),
        shard=selection.shard,
    )
    device = executor.device(choices.device)
    contexts = [
        Context(point.model_dump_json(), run.folder.url, device, choices.item_timeout)
        for point in points
    ]
    started = monotonic()
    next_save = started + _SAVE_EVERY
    progress.start(selection.n_items * len(points))
    with stop_on_interrupt(lambda: warn(_STOPPING)) as stopped:

        def tasks() -> Iterator[Task]:
            known_failed = frozenset(failures.items)
            plans = [
                plan(
                    selection,
                    chain,
                    point,
                    run.folder,
                    failed=known_failed,
                    overwrite=choices.overwrite,
                )
                for chain, point in zip(chains, points, strict=True)
            ]
            for planned in zip(*plans, strict=True):
                if stopped():
                    return
                works = [_missing(each, choices.skip_failed, summary) for each in planned]
                for each, chain in zip(planned, chains, strict=True):
                    if not each.work():
                        failures.clear(each.item.id, [link.store.name for link in chain.values()])
                task = tuple(
                    Job(each.item, work, context, number)
                    for number, (each, work, context) in enumerate(
                        zip(planned, works, contexts, strict=True)
                    )
                    if work
                )
                for _ in range(len(points) - len(task)):
                    progress.advance(computed=False, failed=False)
                if task:
                    yield task

        try:
            for outcome in executor.run(tasks(), stopped):
                _account(outcome, chains[outcome.point], summary, failures)
                events.add(outcome)
                progress.advance(computed=True, failed=outcome.failure is not None)
                if (begun := monotonic()) > next_save:
                    failures.save()
                    saved = monotonic()
                    next_save = saved + max(_SAVE_EVERY, (saved - begun) / _SAVING_SHARE)
        finally:
            progress.close()
            failures.save()
            if selection.shard is None:
                for name in failures.shards:
                    failures.drop_list_of(name)
            events.flush()
        summary.interrupted = stopped()
    summary.seconds = monotonic() - started
    return summary


def count_states(run: Run, selection: Selection, target: str) -> dict[str, Counter[State]]:
    """Count, per stage, the units in each state, without computing anything."""
    chain = build_chain(run.config, run.folder, target)
    counts: dict[str, Counter[State]] = {name: Counter() for name in chain}
    failed = frozenset(Failures(run.folder).items)
    for planned in plan(selection, chain, run.config, run.folder, failed=failed):
        for name, units in planned.states.items():
            counts[name].update(units.values())
    return counts


def _missing(planned: ItemPlan, skip_failed: bool, summary: Summary) -> dict[str, tuple[Unit, ...]]:
    """Return the units to compute by stage, nothing where the item is to be left alone."""
    work = planned.work()
    if not work:
        summary.complete += 1
        return {}
    if skip_failed and planned.counts()[State.FAILED]:
        summary.skipped += 1
        return {}
    for name, units in planned.states.items():
        summary.stale[name] += State.STALE in units.values()
    return work


def _account(outcome: Outcome, chain: Chain, summary: Summary, failures: Failures) -> None:
    made = {stage for stage, _ in outcome.seconds}
    failure = outcome.failure
    for (stage, _), (own, overhead) in outcome.seconds.items():
        before = summary.stage_seconds.get(stage, (0.0, 0.0))
        summary.stage_seconds[stage] = before[0] + own, before[1] + overhead
    summary.notes.update(outcome.notes)
    if failure is None:
        summary.computed += 1
        failures.clear(outcome.item_id, [link.store.name for link in chain.values()])
        return
    summary.failed += 1
    failures.clear(outcome.item_id, [chain[name].store.name for name in made])
    failed = FailedItem(
        failure.stage,
        outcome.item_id,
        failure.kind,
        failure.message,
        chain[failure.stage].store.name,
    )
    failures.record(failed)
    summary.failures.append(failed)
