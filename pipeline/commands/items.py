"""The commands that run items: resolve, plan, execute, tell."""

import os

from spam_pipe.pipeline.commands.teller import (
    SUCCESS,
    Teller,
    closing_line,
    exit_status,
    shard_line,
    state_counts,
    states_table,
    tell_end,
)
from spam_pipe.pipeline.configuration.sizes import say_size
from spam_pipe.pipeline.reporting.report import Report
from spam_pipe.pipeline.running.account import Summary, count_states
from spam_pipe.pipeline.runs.chain import Chain, prior_of
from spam_pipe.pipeline.runs.run import Run, options_in_force
from spam_pipe.pipeline.session.finish import finish
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.session.preflight import preflight
from spam_pipe.pipeline.session.session import Session, opened_executor


def run_items(command: str, options: Options) -> int:
    """Bring all items up to a command's stage, report where asked; return the exit status."""
    teller = Teller(quiet=options.quiet, as_json=options.as_json)
    session = Session.open(command, options)
    (chain,) = session.chains
    _introduce(session.run, chain, teller)
    if session.target not in chain:
        teller.say(f"--prior none: there is nothing to compute for `{command}`")
        return SUCCESS
    if (cores := len(os.sched_getaffinity(0))) < options.workers:
        teller.warn(
            f"--workers {options.workers}: this machine gives {cores} cores; more processes than "
            "cores take memory and save no time"
        )
    if options.dry_run:
        return _tell_plan(session, teller)
    preflight(session)
    if options.scheduler is None:
        teller.compile_kernels(nested="hierarchy" in chain)
    for remark in session.selection.dataset.remarks(session.selection.split):
        teller.say(remark)
    with session.held(teller.warn):
        session.run.begin(session.outputs)
        with opened_executor(session.choices, session.configs, teller.warn) as executor:
            summary = session.bring_up_to_date(executor, teller.callbacks(command))
        asked = command in {"run", "report"}
        width = teller.results.width
        with teller.working("report: tables, pictures and page" if asked else "finishing"):
            report = finish(session, summary, report=asked, width=width, paper=options.paper)
    _tell_summary(session.run, command, summary, report, options, teller)
    return exit_status([summary])


def _introduce(run: Run, chain: Chain, teller: Teller) -> None:
    dataset, config = run.config.dataset, run.config
    which = f"continuing run {run.name}" if run.continued else f"run {run.name}"
    sizes = ", ".join(map(say_size, config.superpixel_size))
    wanted = f"size {sizes}" if sizes else f"K = {','.join(map(str, config.n_superpixels))}"
    mode = config.segment.attention.mode if "segment" in chain else "none"
    attention = "" if mode == "none" else f"attention {mode}, "
    shown = {"n_superpixels", "superpixel_size", "segment.method", "propose.source"}
    others = {key: value for key, value in options_in_force(config).items() if key not in shown}
    teller.say(
        f"{which}: {dataset.images or dataset.name}, method {config.segment.method}, "
        f"prior {prior_of(chain)}, {attention}{wanted}"
    )
    if others:
        words = ", ".join(f"{key}={value}" for key, value in others.items())
        teller.say(
            f"options that are no defaults: {words} (--reset forgets those of earlier commands)"
        )


def _tell_plan(session: Session, teller: Teller) -> int:
    counts = count_states(session.run, session.selection, session.target)
    teller.show_json({"run": session.run.name, "stages": state_counts(counts)})
    teller.show(states_table(f"what `{session.target}` would do", counts))
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
    else:
        _say_other_numbers(summary, teller)
    for name, count in sorted(summary.stale.items()):
        if count:
            teller.say(f"{name}: {count} items were out of date and computed again")
    items = f"{summary.n_items} item{'s' * (summary.n_items != 1)}"
    if summary.n_expected and summary.n_items != summary.n_expected:
        items += f" (of {summary.n_expected} in the split)"
    line = closing_line(target, items, summary, run)
    tell_end(run, summary, report, line, teller)
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


def _say_other_numbers(summary: Summary, teller: Teller) -> None:
    """Say that other numbers of superpixels were made than asked for; not silently."""
    notes = sorted((note, n) for note, n in summary.notes.items() if "asked for" in note)
    if notes:
        others = sum(n for _, n in notes) - 1
        more = f"; so with {others} more results (--verbose lists them)" if others else ""
        teller.say(f"{notes[0][0]}{more}")
