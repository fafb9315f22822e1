"""Files of a comparison of methods: `report/statistics/` and curves in `report/figures/`."""

from spam_pipe.pipeline.reporting.salient_rows import salient_rows
from spam_pipe.pipeline.reporting.tables import Tables


def write_comparison(tables: Tables) -> list[str]:
    """Write statistics and curves of two methods or more; return lines that say where to look."""
    _write_statistics(tables)
    _write_curves(tables)
    return [
        f"statistics: {tables.folder}/statistics (against {tables.labels[tables.reference]})",
        f"figures: {tables.folder}/figures",
    ]


def _write_statistics(tables: Tables) -> None:
    from spam_pipe.stages.report.comparison_text import comparison_markdown, extremes_markdown
    from spam_pipe.stages.report.equal_terms import area_table, at_equal_count, at_equal_regularity

    config, reference = tables.run.config.report, tables.reference
    terms = {
        "equal_count": at_equal_count(tables.metrics, config=config),
        "equal_regularity": at_equal_regularity(tables.metrics, reference, config=config),
        "areas": area_table(tables.metrics, config),
    }
    text = comparison_markdown(
        tables.comparisons,
        **terms,
        labels=tables.labels,
        reference=reference,
        sizes=tables.gathered.sizes,
    )
    if tables.differences is not None:
        asked = tables.gathered.say_asked(tables.middle_count)
        text += "\n" + extremes_markdown(tables.differences, tables.names, asked)
    tables.put_table("statistics/comparisons.csv", tables.comparisons)
    for name, table in terms.items():
        tables.put_table(f"statistics/{name}.csv", table)
    tables.put("statistics/comparisons.md", text)


def _write_curves(tables: Tables) -> None:
    from spam_pipe.stages.report.axis_curves import draw_axis, numeric_axes
    from spam_pipe.stages.report.curves import draw_curves
    from spam_pipe.stages.report.salient import TITLES as SALIENT_TITLES
    from spam_pipe.stages.report.salient import salient_table

    tables.put_figure("figures/curves", draw_curves(tables.summary))
    if tables.gathered.sweep is None:
        return
    points = {point.label: point.values for point in tables.gathered.sweep.points}
    for axis in numeric_axes(points):
        figure = draw_axis(tables.summary, points, axis, tables.title)
        tables.put_figure(f"figures/over-{_file_name(axis)}", figure)
    rows = list(salient_rows(tables.selection, tables.gathered))
    if rows:
        salient = salient_table(rows, tables.run.config.report)
        tables.put_table("statistics/salient.csv", salient)
        for axis in numeric_axes(points):
            figure = draw_axis(salient, points, axis, tables.title, SALIENT_TITLES)
            tables.put_figure(f"figures/salient-over-{_file_name(axis)}", figure)


def _file_name(axis: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in axis) or "axis"
