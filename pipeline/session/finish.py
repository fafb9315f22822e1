"""The end of a command: a run whose items are all settled is reported."""

from collections.abc import Callable

from spam_pipe.pipeline.reporting.report import Report, write_report
from spam_pipe.pipeline.running.account import Summary
from spam_pipe.pipeline.running.completion import completing
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.session.session import Session


def finish(
    session: Session, summary: Summary, *, report: bool, width: int, say: Callable[[str], None]
) -> Report | None:
    """Report the run where that was asked for; the run's lock is held.

    Parameters
    ----------
    session
        What was done.
    summary
        What came of it; `completes_run` is set.
    report
        Whether the command ends with a report.
    width
        Columns of the terminal.
    say
        Told about locks that were taken over.

    Returns
    -------
    None for an interrupted command, one without a report, and a shard that is not the last.
    """
    if summary.interrupted:
        return None
    run, selection = session.run, session.selection
    whole = selection if selection.shard is None else Selection(run, selection.limit)
    shard, configs = selection.shard, session.configs
    with completing(run, whole, shard, session.target, configs, say=say) as completes:
        summary.completes_run = completes
        return write_report(run, whole, width) if completes and report else None
