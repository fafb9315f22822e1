"""Gather a run's figures and pictures from its stores and write `report/`."""

import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.chain import Chain, build_chain, described_config, prior_of
from pipeline.config import RunConfig
from pipeline.failures import Failures
from pipeline.plan import ItemPlan, State, plan
from pipeline.run import Run
from pipeline.runner import Selection
from pipeline.store import Store

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

_FOLDER = "report"


@dataclass(frozen=True)
class Report:
    """What was written, and what a person or a program wants to see of it.

    Attributes
    ----------
    table
        The summary for the terminal; None when not one image was measured.
    places
        Lines that say where to look.
    summary
        The summary's rows.
    """

    table: "Table | None"
    places: tuple[str, ...]
    summary: list[dict[str, Any]]


@dataclass
class _Rows:
    """Rows of the metric table, and how many images of each group failed."""

    rows: list[dict[str, Any]]
    failed: Counter[tuple[str, str, str, str, str, int]]


def write_report(run: Run, selection: Selection, width: int) -> Report:
    """Write tables, curves and pictures of all methods that the run's folder holds."""
    from pipeline.pictures import draw_contact_sheet
    from stages.report.curves import draw_curves, save_figure
    from stages.report.tables import (
        metrics_table,
        seconds_per_image,
        summary_table,
        write_csv,
    )
    from stages.report.text_tables import markdown_table, terminal_table

    gathered = _gather(run, selection)
    metrics = metrics_table(gathered.rows)
    summary = summary_table(metrics, gathered.failed, run.config.report)
    folder = run.folder.child(_FOLDER)
    for name, table in (("metrics.csv", metrics), ("summary.csv", summary)):
        text = io.StringIO(newline="")
        write_csv(table, text)
        folder.write(name, text.getvalue().encode())
    folder.write("summary.md", markdown_table(summary).encode())
    places = [f"tables: {folder}/metrics.csv, summary.csv, summary.md"]
    if len(metrics):
        curves = io.BytesIO()
        save_figure(draw_curves(summary), curves)
        folder.write("curves.png", curves.getvalue())
        pictures = "curves.png"
        if sheet := draw_contact_sheet(run, selection, metrics):
            folder.write("pictures.png", sheet)
            pictures += ", pictures.png"
        places.append(f"pictures: {folder}/{pictures}")
    shown = terminal_table(summary, seconds_per_image(metrics), width) if len(summary) else None
    return Report(shown, tuple(places), _plain_rows(summary))


def evaluate_chains(run: Run) -> Iterator[tuple[RunConfig, Chain]]:
    """Yield configuration and chain of every evaluation in the run's folder, by store name."""
    for name in run.folder.names():
        if name.startswith("evaluate-") and name.endswith(".zarr"):
            description = Store(run.folder, name).describe()
            config = described_config(description or {}, run.config)
            if config is not None:
                chain = build_chain(config, run.folder)
                if chain["evaluate"].store.name == name:
                    yield config, chain


def _gather(run: Run, selection: Selection) -> _Rows:
    gathered = _Rows([], Counter())
    failed = frozenset(Failures(run.folder).items)
    for config, chain in evaluate_chains(run):
        names = (
            config.dataset.name,
            selection.split,
            config.segment.method,
            prior_of(chain),
            chain["segment"].config_digest[:8],
        )
        shared = dict(zip(("dataset", "split", "method", "prior", "config"), names, strict=True))
        stores = [link.store.name for link in chain.values()]
        for planned in plan(selection, chain, config, run.folder):
            for unit, state in planned.states["evaluate"].items():
                if state is State.DONE:
                    gathered.rows.append({**shared, **_row(planned, unit)})
                elif any((store, planned.item.id) in failed for store in stores):
                    gathered.failed[(*names, int(unit or 0))] += 1
    return gathered


def _row(planned: ItemPlan, unit: int | None) -> dict[str, Any]:
    found = planned.records["evaluate", unit].attributes
    segmented = planned.records.get(("segment", unit))
    notes = [found.get("note") or ""]
    if segmented is not None:
        notes.insert(0, segmented.attributes.get("note") or "")
    return {
        "image": planned.item.id,
        "n_requested": found["n_requested"],
        "n_superpixels": found["n_superpixels"],
        **found["metrics"],
        "n_annotators": found["n_annotators"],
        "seconds": None if segmented is None else segmented.provenance["seconds"],
        "note": "; ".join(note for note in notes if note),
    }


def _plain_rows(summary: "pd.DataFrame") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(summary.to_json(orient="records"))
    return rows
