"""Files of `report --paper`: plate, scatter and seconds, and the summary in LaTeX."""

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from spam_pipe.pipeline.reporting.gathering import Evaluated
from spam_pipe.pipeline.reporting.tables import Tables
from spam_pipe.pipeline.runs.segmented import read_segmented
from spam_pipe.stages.report.contact_sheet import spread
from spam_pipe.stages.report.figure_text import figure
from spam_pipe.stages.report.paper.latex import latex_table
from spam_pipe.stages.report.paper.plate import PlateCell, PlateRow, draw_plate
from spam_pipe.stages.report.paper.scatter import draw_scatter
from spam_pipe.stages.report.paper.seconds_curves import draw_seconds, seconds_table
from spam_pipe.stages.report.series import MethodKey

if TYPE_CHECKING:
    import pandas as pd

    from spam_pipe.pipeline.items import Item

_PLATE_IMAGES = 3
_PLATE_METHODS = 8


def write_paper_files(tables: Tables) -> list[str]:
    """Write them of two methods or more; return a line that says where to look."""
    labels, reference = tables.labels, tables.reference
    latex = latex_table(tables.summary, tables.comparisons, labels, reference)
    tables.put("statistics/summary.tex", latex)
    seconds = seconds_table(_seconds(tables))
    tables.put_table("figures/seconds.csv", seconds)
    tables.put_figure("figures/seconds", draw_seconds(seconds, tables.title, [*labels.values()]))
    title = f"{tables.title} · {tables.gathered.say_asked(tables.middle_count)}"
    if tables.differences is not None and len(tables.differences) > 1:
        scatter = draw_scatter(tables.differences, tables.names, title=title)
        tables.put_figure("figures/scatter", scatter)
    _write_plate(tables, title)
    figures = "plate, scatter and seconds are among the figures"
    return [f"for papers: {tables.folder}/statistics/summary.tex; {figures}"]


def _seconds(tables: Tables) -> Iterator[Mapping[str, Any]]:
    counts = {size: count for count, size in tables.gathered.units.items()}
    for method in tables.gathered.methods:
        label = tables.labels.get(method.key)
        for stage, unit, seconds in method.seconds if label is not None else ():
            count = counts.get(unit) if isinstance(unit, str) else unit
            yield {"label": label, "stage": stage, "n_requested": count, "seconds": seconds}


def _write_plate(tables: Tables, title: str) -> None:
    """Write the plate as PNG and PDF: evenly chosen images that all shown methods have."""
    count = tables.middle_count
    unit = tables.gathered.unit_of(count)
    there = tables.metrics[tables.metrics["n_requested"] == count]
    methods = {method.key: method for method in tables.gathered.methods}
    others = [key for key in tables.labels if key != tables.reference and key in methods]
    shown = [tables.reference, *spread(others, _PLATE_METHODS - 1)]
    figures = {(MethodKey.of(row), str(row["image"])): row for _, row in there.iterrows()}
    images = sorted(str(name) for name in there["image"].unique())
    whole = [name for name in images if all((key, name) in figures for key in shown)]
    chosen = set(spread(whole, _PLATE_IMAGES))
    rows = [
        PlateRow(
            item.id,
            item.image.read(),
            [_cell(methods[key], item, unit, figures[key, item.id]) for key in shown],
        )
        for item in tables.selection
        if item.id in chosen
    ]
    if not rows:
        return
    sheet = draw_plate(rows, [tables.labels[key] for key in shown], title)
    png, pdf = io.BytesIO(), io.BytesIO()
    sheet.save(png, "PNG")
    sheet.save(pdf, "PDF", resolution=300.0, quality=95)
    tables.put("figures/plate.png", png.getvalue())
    tables.put("figures/plate.pdf", pdf.getvalue())


def _cell(method: Evaluated, item: "Item", unit: int | str, row: "pd.Series[Any]") -> PlateCell:
    said = {"ASA": row["asa"], "GR": row["gr"], "EV": row["explained_variation"]}
    figures = " · ".join(
        f"{name} {figure(value)}" for name, value in said.items() if value == value
    )
    labels = read_segmented(item, unit, method.chain).labels
    return PlateCell(labels, f"n = {row['n_superpixels']:.0f} · {figures}")
