"""Write `report/`: tables, curves, pictures and the page of all methods in a run's folder."""

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spam_pipe.pipeline.reporting.command_lines import differing
from spam_pipe.pipeline.reporting.gathering import gather
from spam_pipe.pipeline.reporting.left_out import say_left_out
from spam_pipe.pipeline.reporting.tables import Tables
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.selection import Selection

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

_FOLDER = "report"


@dataclass(frozen=True)
class Report:
    """The files of a report, and its summary for people and programs."""

    table: "Table | None"  # the summary for the terminal; None when not one image was measured
    places: tuple[str, ...]  # lines that say where to look
    summary: list[dict[str, Any]]  # the summary's rows
    # results that the run holds and the report does not show, as plain values
    left_out: list[dict[str, Any]]


def write_report(run: Run, selection: Selection, width: int, *, paper: bool = False) -> Report:
    """Write tables, curves, pictures and page of all methods that the run's folder holds.

    Parameters
    ----------
    run, selection
        The run and its items.
    width
        Columns of the terminal.
    paper
        Add what `paper_files` makes.
    """
    from spam_pipe.pipeline.reporting.comparison_files import write_comparison
    from spam_pipe.pipeline.reporting.contact_sheet import draw_contact_sheet
    from spam_pipe.pipeline.reporting.page import make_page
    from spam_pipe.stages.report.comparisons import method_keys
    from spam_pipe.stages.report.curves import draw_curves, save_figure
    from spam_pipe.stages.report.tables import metrics_table, seconds_per_image, summary_table
    from spam_pipe.stages.report.text_tables import markdown_table, terminal_table

    gathered = gather(run, selection)
    metrics = metrics_table(gathered.rows)
    summary = summary_table(metrics, gathered.failed, run.config.report)
    folder = run.folder.child(_FOLDER)
    tables = Tables(run, selection, gathered, metrics, summary, folder)
    tables.put_table("metrics.csv", metrics)
    tables.put_table("summary.csv", summary)
    tables.put("summary.md", markdown_table(summary, gathered.sizes))
    tables.put("index.html", make_page(tables))
    differ = differing([each.config for each in gathered.methods])
    places = [
        *filter(None, [say_left_out(gathered.left_out, run, selection, differ)]),
        f"page: {folder}/index.html",
        f"tables: {folder}/metrics.csv, summary.csv, summary.md",
    ]
    if len(metrics):
        curves = io.BytesIO()
        save_figure(draw_curves(summary), curves)
        folder.write("curves.png", curves.getvalue())
        pictures = "curves.png"
        if sheet := draw_contact_sheet(run, selection, metrics, gathered.units):
            folder.write("pictures.png", sheet)
            pictures += ", pictures.png"
        places.append(f"pictures: {folder}/{pictures}")
        if len(method_keys(metrics)) > 1:
            places += write_comparison(tables)
            if paper:
                from spam_pipe.pipeline.reporting.paper_files import write_paper_files

                places += write_paper_files(tables)
    seconds = seconds_per_image(metrics)
    shown = terminal_table(summary, seconds, width, gathered.sizes) if len(summary) else None
    return Report(
        shown, tuple(places), _plain_rows(summary), [each.plain() for each in gathered.left_out]
    )


def _plain_rows(summary: "pd.DataFrame") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(summary.to_json(orient="records"))
    return rows
