"""A sweep's points as configurations of one dataset's run, and which of them can run here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from spam_pipe.pipeline.configuration.run_config import (
    Layer,
    RunConfig,
    dataset_layer,
    flatten,
    merge,
    resolve,
    stated,
)
from spam_pipe.pipeline.errors import ConfigError, UserError
from spam_pipe.pipeline.runs.chain import Chain, build_chain
from spam_pipe.pipeline.runs.run import Run, check_name
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.runs.sweep_record import SkippedPoint, SweepRecord, SweptPoint
from spam_pipe.pipeline.session.preflight import why_not
from spam_pipe.pipeline.store.folder import Folder
from spam_pipe.pipeline.sweeping.sweep_file import Point, Sweep


@dataclass(frozen=True)
class SweptRun:
    """All points of a sweep on one dataset."""

    run: Run  # the run; its configuration is the reference point's
    selection: Selection  # the items
    # the configurations of the points that can run, in the record's order
    configs: tuple[RunConfig, ...]
    record: SweepRecord  # labels, values and the skipped points

    def also_skipping(self, missing: Sequence[SkippedPoint]) -> "SweptRun":
        """Return the same with further points that its record names as skipped."""
        skipped = (*self.record.skipped, *missing)
        return replace(self, record=replace(self.record, skipped=skipped))

    def chains(self) -> list[Chain]:
        """Return the points' chains."""
        return [build_chain(config, self.run.folder) for config in self.configs]


def sweep_dataset(
    sweep: Sweep, given: Layer, outputs: Folder, run_name: str, limit: int | None
) -> SweptRun:
    """Resolve all points of a sweep on one dataset.

    Parameters
    ----------
    sweep
        From `pipeline.sweeping.sweep_file.read_sweep`.
    given
        Options of the command, the dataset's name among them; they win over the sweep's base.
    outputs, run_name
        Where the run goes.
    limit
        Of `--limit`.

    Raises
    ------
    ConfigError
        When a point's options are not valid, or two points are the same.
    UserError
        When the dataset is not here, or no point can run.
    """
    check_name(run_name)
    folder = outputs.child(run_name)
    below = [dataset_layer(str(given["dataset"]["name"])), sweep.base, given]
    configs: dict[str, RunConfig] = {}
    missing: dict[str, str] = {}
    for point in sweep.points:
        layers = [*below, point.layer]
        lacking = [key for key in point.needs if key not in flatten(stated(merge(layers)))]
        if lacking:
            missing[point.label] = f"needs {lacking[0]}: give it with --set {lacking[0]}=…"
            continue
        try:
            configs[point.label] = resolve(layers)
        except ConfigError as error:
            raise ConfigError(f"sweep {sweep.name}: point {point.label!r}: {error}") from error
    chains = {label: build_chain(config, folder) for label, config in configs.items()}
    _require_different(sweep, chains)
    run = Run(run_name, folder, next(iter(configs.values()), resolve(below)), continued=False)
    selection = Selection(run, limit)
    first = next(iter(selection), None)
    if first is not None:
        for label, config in configs.items():
            if reason := why_not(chains[label], config, first):
                missing[label] = reason
    able = [point for point in sweep.points if point.label not in missing]
    if not able:
        label, reason = next(iter(missing.items()))
        raise UserError(f"sweep {sweep.name}: no point can run here; {label}: {reason}")
    reference = sweep.reference if sweep.reference not in missing else able[0].label
    record = SweepRecord(
        sweep.name,
        reference,
        tuple(_swept(point, chains[point.label]) for point in able),
        tuple(
            SkippedPoint(each.label, missing[each.label])
            for each in sweep.points
            if each.label in missing
        ),
    )
    return SweptRun(
        Run(run_name, folder, configs[reference], continued=False),
        selection,
        tuple(configs[point.label] for point in able),
        record,
    )


def _swept(point: Point, chain: Chain) -> SweptPoint:
    return SweptPoint(point.label, point.values, chain["evaluate"].store.name)


def _require_different(sweep: Sweep, chains: dict[str, Chain]) -> None:
    by_store: dict[str, str] = {}
    for label, chain in chains.items():
        same = by_store.setdefault(chain["evaluate"].store.name, label)
        if same != label:
            raise ConfigError(
                f"sweep {sweep.name}: points {same!r} and {label!r} are the same; remove one"
            )


def stage_runs(chains: Sequence[Chain], n_items: int) -> tuple[int, int]:
    """Return how many stage runs the points' results take, each made alone and shared."""
    alone = [link for chain in chains for link in chain.values()]
    shared = {link.store.name: link for link in alone}.values()
    return (
        n_items * sum(len(link.units) for link in alone),
        n_items * sum(len(link.units) for link in shared),
    )
