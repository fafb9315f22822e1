"""The end of a command: a run is reported."""

from spam_pipe.pipeline.reporting.report import Report, write_report
from spam_pipe.pipeline.running.account import Summary
from spam_pipe.pipeline.session.session import Session


def finish(
    session: Session, summary: Summary, *, report: bool, width: int, paper: bool = False
) -> Report | None:
    """Report the run where that was asked for; the run's lock is held.

    Parameters
    ----------
    session
        What was done.
    summary
        What came of it.
    report
        Whether the command ends with a report.
    width
        Columns of the terminal.
    paper
        Whether the report adds files for papers.

    Returns
    -------
    None for an interrupted command, one without a report, and a shard: `report` completes its run.
    """
    if summary.interrupted or session.selection.shard is not None or not report:
        return None
    return write_report(session.run, session.selection, width, paper=paper)
