"""`spam-pipe sweep`: the points of a grid on each dataset, by one set of workers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spam_pipe.pipeline.commands.teller import (
    SUCCESS,
    Teller,
    closing_line,
    exit_status,
    shard_line,
    tell_end,
)
from spam_pipe.pipeline.configuration.run_config import merge, stated
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.reporting.report import Report
from spam_pipe.pipeline.running.account import Summary
from spam_pipe.pipeline.running.executors import Executor
from spam_pipe.pipeline.runs.run import name_after
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.runs.shard import parse_shard
from spam_pipe.pipeline.runs.sweep_record import SkippedPoint
from spam_pipe.pipeline.session.finish import finish
from spam_pipe.pipeline.session.layers import config_layers
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.session.preflight import preflight
from spam_pipe.pipeline.session.session import Session, choices_of, opened_executor
from spam_pipe.pipeline.store.folder import Folder, open_folder
from spam_pipe.pipeline.sweeping.estimate import estimate, plan_table, say_duration, survey
from spam_pipe.pipeline.sweeping.points import SweptRun, stage_runs, sweep_dataset
from spam_pipe.pipeline.sweeping.sweep_file import Sweep, read_sweep, require_no_conflict
from spam_pipe.stages.registry import STAGES


@dataclass(frozen=True)
class _Done:
    """The result of a sweep on one dataset."""

    swept: SweptRun
    summary: Summary
    report: Report | None


def run_sweep(path: str, options: Options) -> int:
    """Bring all points of a sweep up to date and report; return the exit status."""
    teller = Teller(quiet=options.quiet, as_json=options.as_json)
    sweep = read_sweep(path)
    outputs = open_folder(options.outputs)
    runs = _open_runs(sweep, options, outputs)
    if options.shard is not None:  # all runs are divided alike
        shard = parse_shard(options.shard)
        runs = [replace(each, selection=Selection(each.run, options.limit, shard)) for each in runs]
    _introduce(sweep, runs, teller)
    if options.dry_run:
        return _tell_plan(runs, options, teller)
    choices = choices_of(options, tuple(STAGES) if options.overwrite else ())
    sessions = [
        Session(outputs, each.run, each.configs, each.selection, "evaluate", choices)
        for each in runs
    ]
    for session in sessions:
        preflight(session)
    if options.scheduler is None:
        nested = any("hierarchy" in chain for each in sessions for chain in each.chains)
        teller.compile_kernels(nested=nested)
    done: list[_Done] = []
    configs = [config for session in sessions for config in session.configs]
    with opened_executor(choices, configs, teller.warn) as executor:
        for swept, session in zip(runs, sessions, strict=True):
            done.append(_sweep_run(swept, session, executor, teller, paper=options.paper))
            _tell_run(done[-1], options, teller)
            if done[-1].summary.interrupted:
                break
    teller.show_json({"sweep": sweep.name, "runs": [_plain(each) for each in done]})
    return exit_status([each.summary for each in done])


def _open_runs(sweep: Sweep, options: Options, outputs: Folder) -> list[SweptRun]:
    """Return a run for each dataset that is here; each names the datasets that are not."""
    given = merge(config_layers(options))
    require_no_conflict(sweep, given)
    base = stated(merge([{"dataset": {"name": "sample"}}, sweep.base, given]))["dataset"]
    several = bool(sweep.datasets) and options.dataset is None
    datasets = [{**base, "name": name} for name in sweep.datasets] if several else [base]
    stem = options.run or sweep.name
    runs: list[SweptRun] = []
    missing: list[SkippedPoint] = []
    for dataset in datasets:
        bare = options.run is not None and len(datasets) == 1
        name = stem if bare else f"{stem}-{name_after(dataset)}"
        try:
            layer = merge([given, {"dataset": dataset}])
            runs.append(sweep_dataset(sweep, layer, outputs, name, options.limit))
        except DataError as error:
            if len(datasets) == 1:
                raise
            missing.append(SkippedPoint(f"dataset {dataset['name']}", str(error)))
    if not runs:
        raise DataError(f"sweep {sweep.name}: no dataset is here; {missing[0].reason}")
    return [run.also_skipping(missing) for run in runs]


def _introduce(sweep: Sweep, runs: Sequence[SweptRun], teller: Teller) -> None:
    skipped: dict[str, list[str]] = {}
    for each in dict.fromkeys(each for run in runs for each in run.record.skipped):
        skipped.setdefault(each.reason, []).append(each.label)
    counts = ",".join(map(str, runs[0].run.config.n_superpixels))
    names = ", ".join(run.run.name for run in runs)
    teller.say(
        f"sweep {sweep.name}: {len(sweep.points)} points, K = {counts}, "
        f"run{'s' * (len(runs) > 1)} {names}"
    )
    for reason, labels in skipped.items():
        more = f" and {len(labels) - 1} more" if len(labels) > 1 else ""
        teller.say(f"skipped {labels[0]}{more}: {reason}")


def _sweep_run(
    swept: SweptRun, session: Session, executor: Executor, teller: Teller, *, paper: bool
) -> _Done:
    with session.held(teller.warn):
        session.run.begin(session.outputs)
        swept.record.save(session.run.folder)
        summary = session.bring_up_to_date(executor, teller.callbacks(session.run.name))
        width = teller.results.width
        with teller.working("report: tables, pictures and page"):
            report = finish(session, summary, report=True, width=width, paper=paper)
    return _Done(swept, summary, report)


def _tell_plan(runs: Sequence[SweptRun], options: Options, teller: Teller) -> int:
    plans: list[dict[str, Any]] = []
    for swept in runs:
        states = survey(swept)
        seconds = estimate(states, options.workers)
        alone, shared = stage_runs(swept.chains(), swept.selection.n_items)
        todo = Counter[str]()
        for state in states.values():
            todo[state.stage] += state.todo
        teller.show(plan_table(swept, states))
        teller.show(
            f"{swept.selection.n_items} items; {sum(todo.values())} stage runs to do, about "
            f"{say_duration(seconds)}; {_say_sharing(alone, shared)}"
        )
        plans.append(
            {
                "run": swept.run.name,
                "points": [vars(point) for point in swept.record.points],
                "skipped": [vars(point) for point in swept.record.skipped],
                "stores": {name: vars(state) for name, state in states.items()},
                "to_do": dict(todo),
                "seconds": round(seconds, 1),
                "stage_runs": {"alone": alone, "shared": shared},
            }
        )
    teller.show_json({"runs": plans})
    return SUCCESS


def _tell_run(done: _Done, options: Options, teller: Teller) -> None:
    summary, run = done.summary, done.swept.run
    if options.verbose:
        for note, count in sorted(summary.notes.items()):
            teller.say(f"note: {note}" + (f" ({count} times)" if count > 1 else ""))
    alone, shared = stage_runs(done.swept.chains(), summary.n_items)
    what = f"{len(done.swept.configs)} points × {summary.n_items} items"
    line = closing_line("sweep", what, summary, run, f"; {_say_sharing(alone, shared)}")
    tell_end(run, summary, done.report, line, teller)
    if line := shard_line(summary, "sweep"):
        teller.say(line)


def _say_sharing(alone: int, shared: int) -> str:
    return f"sharing saves {alone - shared} of {alone} stage runs"


def _plain(done: _Done) -> Mapping[str, Any]:
    alone, shared = stage_runs(done.swept.chains(), done.summary.n_items)
    return {
        "run": done.swept.run.name,
        "folder": str(done.swept.run.folder),
        **done.summary.plain(),
        "points": [vars(point) for point in done.swept.record.points],
        "skipped_points": [vars(point) for point in done.swept.record.skipped],
        "stage_runs": {"alone": alone, "shared": shared},
        "summary": [] if done.report is None else done.report.summary,
        "left_out": [] if done.report is None else done.report.left_out,
    }
