"""What the commands that run items do: resolve, plan, execute, tell."""

from spam_pipe.pipeline.commands.layers import config_layers
from spam_pipe.pipeline.commands.options import Options
from spam_pipe.pipeline.commands.teller import (
    INTERRUPTED,
    SOME_FAILED,
    SUCCESS,
    Teller,
    shard_line,
    state_counts,
    states_table,
)
from spam_pipe.pipeline.configuration.sizes import say_size
from spam_pipe.pipeline.device import resolve_device
from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.reporting.report import Report, write_report
from spam_pipe.pipeline.running.completion import completing, held
from spam_pipe.pipeline.running.executors import make_executor
from spam_pipe.pipeline.running.preflight import (
    kernels_compiled,
    require_attention,
    require_generator,
    require_known_images,
    require_method,
    require_weights,
)
from spam_pipe.pipeline.running.progress import make_progress
from spam_pipe.pipeline.running.runner import Choices, Summary, count_states, execute
from spam_pipe.pipeline.runs.chain import Chain, build_chain, prior_of
from spam_pipe.pipeline.runs.run import Run, open_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.runs.shard import parse_shard
from spam_pipe.pipeline.store.folder import open_folder, require_writable


def run_items(target: str, options: Options) -> int:
    """Bring all items up to the target stage, report where that was asked; return exit status."""
    teller = Teller(quiet=options.quiet, as_json=options.as_json)
    outputs = open_folder(options.outputs)
    layers = list(config_layers(options))
    default = "sample" if target == "run" and not layers else None
    starts = target == "run" or options.run is None
    run = open_run(outputs, options.run, layers, default=default, starts=starts)
    shard = None if options.shard is None else parse_shard(options.shard, run.folder)
    stage_target = "evaluate" if target in {"run", "report"} else target
    chain = build_chain(run.config, run.folder, stage_target)
    _introduce(run, chain, teller)
    if stage_target not in chain:
        teller.say(f"--prior none: there is nothing to compute for `{target}`")
        return SUCCESS
    if options.dry_run:
        return _tell_plan(run, stage_target, Selection(run, options.limit, shard), teller)
    choices = Choices(
        overwrite=_overwritten(target, options.overwrite, tuple(chain)),
        skip_failed=options.skip_failed,
        device=options.device if options.scheduler else resolve_device(options.device),
        item_timeout=options.item_timeout,
    )
    if options.scheduler is not None and options.workers:
        raise ConfigError("--workers and --scheduler: give one of them")
    selection = Selection(run, options.limit, shard)  # a dataset that is not there leaves no trace
    if "propose" in chain and options.scheduler is None:
        everywhere = selection.dataset.items("all")
        require_generator(run.config.propose, (item.id for item in everywhere))
    if "segment" in chain:
        require_attention(run.config)
        everything = selection.dataset.items(selection.split)
        require_known_images(run.config.segment.attention, (item.id for item in everything))
    require_writable(outputs)
    if options.scheduler is None:
        if "segment" in chain:
            require_method(run.config)
        require_weights(run.config, chain)
    if not kernels_compiled():
        teller.say("first run here: compiling kernels, which takes about a minute, once")
    with held(run, shard, teller.warn):
        run.save(outputs)
        executor = make_executor(
            options.workers, options.scheduler, choices.device, warn=teller.warn
        )
        try:
            progress = make_progress(
                target, teller.messages, quiet=options.quiet or options.as_json
            )
            summary = execute(
                run, selection, stage_target, choices, executor, progress, warn=teller.warn
            )
        finally:
            executor.close()
        reports = target in {"run", "report"}
        report = None
        if not summary.interrupted:
            whole = selection if shard is None else Selection(run, options.limit)
            turn = completing(run, whole, shard, stage_target, say=teller.warn)
            with turn as summary.completes_run:
                if summary.completes_run and reports:
                    report = write_report(run, whole, teller.results.width)
    _tell_summary(run, target, summary, report, options, teller)
    if summary.interrupted:
        return INTERRUPTED
    return SOME_FAILED if summary.failed or summary.skipped else SUCCESS


def _overwritten(target: str, overwrite: bool, stages: tuple[str, ...]) -> tuple[str, ...]:
    if not overwrite:
        return ()
    if target == "run":
        return stages
    return ("evaluate",) if target == "report" else (target,)


def _introduce(run: Run, chain: Chain, teller: Teller) -> None:
    dataset, config = run.config.dataset, run.config
    which = f"continuing run {run.name}" if run.continued else f"run {run.name}"
    sizes = ", ".join(map(say_size, config.superpixel_size))
    wanted = f"size {sizes}" if sizes else f"K = {','.join(map(str, config.n_superpixels))}"
    mode = config.segment.attention.mode if "segment" in chain else "none"
    attention = "" if mode == "none" else f"attention {mode}, "
    teller.say(
        f"{which}: {dataset.images or dataset.name}, method {config.segment.method}, "
        f"prior {prior_of(chain)}, {attention}{wanted}"
    )


def _tell_plan(run: Run, target: str, selection: Selection, teller: Teller) -> int:
    counts = count_states(run, selection, target)
    teller.show_json({"run": run.name, "stages": state_counts(counts)})
    teller.show(states_table(f"what `{target}` would do", counts))
    return SUCCESS


def _tell_summary(
    run: Run,
    target: str,
    summary: Summary,
    report: Report | None,
    options: Options,
    teller: Teller,
) -> None:
    if options.verbose:
        for note, count in sorted(summary.notes.items()):
            teller.say(f"note: {note}" + (f" ({count} items)" if count > 1 else ""))
    for name, count in sorted(summary.stale.items()):
        if count:
            teller.say(f"{name}: {count} items were out of date and computed again")
    for failed in summary.failures[:5]:
        teller.warn(f"{failed.item}: {failed.stage} failed: {failed.reason}")
    if len(summary.failures) > 5:
        teller.warn(
            f"… and {len(summary.failures) - 5} more; all in {run.folder}/{summary.failures_file}"
        )
    if report is not None and report.table is not None:
        teller.show(report.table)
    teller.say(_closing_line(run, target, summary))
    if report is not None:
        for line in report.places:
            teller.say(line)
    if line := shard_line(summary, "report" if target == "run" else target):
        teller.say(line)
    teller.show_json(
        {
            "run": run.name,
            "folder": str(run.folder),
            **summary.plain(),
            "summary": [] if report is None else report.summary,
            "left_out": [] if report is None else report.left_out,
        }
    )


def _closing_line(run: Run, target: str, summary: Summary) -> str:
    items = f"{summary.n_items} item{'s' * (summary.n_items != 1)}"
    if summary.n_expected and summary.n_items != summary.n_expected:
        items += f" (of {summary.n_expected} in the split)"
    parts = [f"{summary.computed} computed", f"{summary.complete} up to date"]
    if summary.failed:
        parts.append(f"{summary.failed} failed")
    if summary.skipped:
        parts.append(f"{summary.skipped} skipped, failed before")
    part = "" if summary.shard is None else f", shard {summary.shard}"
    line = f"{target}{part}: {items}, {', '.join(parts)}, {summary.seconds:.1f} s"
    if summary.interrupted:
        return f"stopped: {line}; the same command goes on from here"
    if summary.failed:
        line += (
            f"; reasons in {run.folder}/{summary.failures_file}, the same command tries them again"
        )
    return line
