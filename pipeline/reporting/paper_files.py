"""What a comparison of methods writes for papers: `report/figures/` and `report/statistics/`."""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spam_pipe.pipeline.reporting.gathering import Evaluated, Gathered, reference_method
from spam_pipe.pipeline.reporting.salient_rows import salient_rows
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.selection import Selection

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from spam_pipe.pipeline.store.folder import Folder
    from spam_pipe.stages.report.comparisons import SeriesKey

_PLATE_IMAGES = 3
_PLATE_METHODS = 8


def write_paper_files(
    run: Run,
    selection: Selection,
    gathered: Gathered,
    metrics: "pd.DataFrame",
    summary: "pd.DataFrame",
    folder: "Folder",
) -> list[str]:
    """Write figures and statistics where there is more than one method to compare.

    Parameters
    ----------
    run, selection, gathered
        The run, its items and what its stores hold of them.
    metrics, summary
        The tables made of that.
    folder
        The report's.

    Returns
    -------
    list[str]
        Lines that say where to look; none for a single method.
    """
    from spam_pipe.stages.report.comparisons import series_keys
    from spam_pipe.stages.report.series import name_series

    keys = series_keys(metrics)
    if len(keys) < 2:
        return []
    labels = series_labels(summary)
    reference = _reference(run, gathered, keys)
    files = _Files(folder)
    _write_statistics(files, run, gathered, metrics, summary, labels, reference)
    _write_figures(files, run, selection, gathered, metrics, summary, labels, reference)
    title = name_series(summary).title()
    plate = _plate(selection, gathered, metrics, labels, reference, title)
    if plate is not None:
        files.put("figures/plate.png", plate[0])
        files.put("figures/plate.pdf", plate[1])
    return [
        f"statistics: {folder}/statistics (against {labels[reference]})",
        f"figures: {folder}/figures",
    ]


def series_labels(summary: "pd.DataFrame") -> dict["SeriesKey", str]:
    """Return what each series of a summary is called."""
    from spam_pipe.stages.report.comparisons import SERIES
    from spam_pipe.stages.report.series import name_series

    rows = summary[list(SERIES)].itertuples(index=False)
    return {
        (str(method), str(prior), str(config)): label
        for (method, prior, config), label in zip(rows, name_series(summary).labels, strict=True)
    }


class _Files:
    """Writes below the report's folder."""

    def __init__(self, folder: "Folder") -> None:
        self.folder = folder

    def put(self, key: str, content: bytes | str) -> None:
        data = content.encode() if isinstance(content, str) else content
        name, _, leaf = key.rpartition("/")
        self.folder.child(name).write(leaf, data)

    def put_table(self, key: str, table: "pd.DataFrame") -> None:
        from spam_pipe.stages.report.tables import write_csv

        text = io.StringIO(newline="")
        write_csv(table, text)
        self.put(key, text.getvalue())

    def put_figure(self, key: str, figure: "Figure") -> None:
        from spam_pipe.stages.report.curves import save_figure

        for form in ("png", "svg", "pdf"):
            content = io.BytesIO()
            save_figure(figure, content, form)
            self.put(f"{key}.{form}", content.getvalue())


def _reference(run: Run, gathered: Gathered, keys: Sequence["SeriesKey"]) -> "SeriesKey":
    """Return the series to compare with, any where the proper one has no figures."""
    method = reference_method(run, gathered)
    if method is not None and method.key[2:] in keys:
        return method.key[2:]
    return keys[0]


def _write_statistics(
    files: _Files,
    run: Run,
    gathered: Gathered,
    metrics: "pd.DataFrame",
    summary: "pd.DataFrame",
    labels: Mapping["SeriesKey", str],
    reference: "SeriesKey",
) -> None:
    from spam_pipe.stages.report.comparison_text import comparison_markdown, extremes_markdown
    from spam_pipe.stages.report.comparisons import comparison_table, image_differences
    from spam_pipe.stages.report.equal_terms import area_table, at_equal_count, at_equal_regularity
    from spam_pipe.stages.report.latex import latex_table

    config = run.config.report
    comparisons = comparison_table(metrics, reference, config)
    tables = {
        "equal_count": at_equal_count(metrics, config=config),
        "equal_regularity": at_equal_regularity(metrics, reference, config=config),
        "areas": area_table(metrics, config),
    }
    text = comparison_markdown(
        comparisons, **tables, labels=labels, reference=reference, sizes=gathered.sizes
    )
    rival = _rival(summary, reference)
    if rival is not None:
        count = _middle_count(metrics)
        differences = image_differences(metrics, reference, rival, count)
        if len(differences):
            names = (labels[reference], labels[rival])
            text += "\n" + extremes_markdown(differences, names, gathered.say_asked(count))
    files.put_table("statistics/comparisons.csv", comparisons)
    for name, table in tables.items():
        files.put_table(f"statistics/{name}.csv", table)
    files.put("statistics/comparisons.md", text)
    files.put("statistics/summary.tex", latex_table(summary, comparisons, labels, reference))


def _write_figures(
    files: _Files,
    run: Run,
    selection: Selection,
    gathered: Gathered,
    metrics: "pd.DataFrame",
    summary: "pd.DataFrame",
    labels: Mapping["SeriesKey", str],
    reference: "SeriesKey",
) -> None:
    from spam_pipe.stages.report.axis_curves import draw_axis, numeric_axes
    from spam_pipe.stages.report.comparisons import image_differences
    from spam_pipe.stages.report.curves import draw_curves
    from spam_pipe.stages.report.salient import TITLES as SALIENT_TITLES
    from spam_pipe.stages.report.salient import salient_table
    from spam_pipe.stages.report.scatter import draw_scatter
    from spam_pipe.stages.report.seconds_curves import draw_seconds, seconds_table
    from spam_pipe.stages.report.series import name_series

    title = name_series(summary).title()
    files.put_figure("figures/curves", draw_curves(summary))
    if gathered.sweep is not None:
        points = {point.label: point.values for point in gathered.sweep.points}
        for axis in numeric_axes(points):
            figure = draw_axis(summary, points, axis, title)
            files.put_figure(f"figures/over-{_file_name(axis)}", figure)
        rows = list(salient_rows(selection, gathered))
        if rows:
            salient = salient_table(rows, run.config.report)
            files.put_table("statistics/salient.csv", salient)
            for axis in numeric_axes(points):
                figure = draw_axis(salient, points, axis, title, SALIENT_TITLES)
                files.put_figure(f"figures/salient-over-{_file_name(axis)}", figure)
    seconds = seconds_table(_seconds(gathered, labels))
    files.put_table("figures/seconds.csv", seconds)
    files.put_figure("figures/seconds", draw_seconds(seconds, title, [*labels.values()]))
    rival = _rival(summary, reference)
    if rival is not None:
        count = _middle_count(metrics)
        differences = image_differences(metrics, reference, rival, count)
        if len(differences) > 1:
            names = (labels[reference], labels[rival])
            scatter = draw_scatter(
                differences, names, title=f"{title} · {gathered.say_asked(count)}"
            )
            files.put_figure("figures/scatter", scatter)


def _seconds(gathered: Gathered, labels: Mapping["SeriesKey", str]) -> Iterator[Mapping[str, Any]]:
    counts = {size: count for count, size in gathered.units.items()}
    for method in gathered.methods:
        label = labels.get((method.key[2], method.key[3], method.key[4]))
        for stage, unit, seconds in method.seconds if label is not None else ():
            count = counts.get(unit) if isinstance(unit, str) else unit
            yield {"label": label, "stage": stage, "n_requested": count, "seconds": seconds}


def _plate(
    selection: Selection,
    gathered: Gathered,
    metrics: "pd.DataFrame",
    labels: Mapping["SeriesKey", str],
    reference: "SeriesKey",
    title: str,
) -> tuple[bytes, bytes] | None:
    """Return the plate as PNG and PDF: evenly chosen images that all shown methods have."""
    from spam_pipe.stages.report.contact_sheet import spread
    from spam_pipe.stages.report.plate import PlateRow, draw_plate

    count = _middle_count(metrics)
    unit = gathered.unit_of(count)
    there = metrics[metrics["n_requested"] == count]
    methods = {(m.key[2], m.key[3], m.key[4]): m for m in gathered.methods}
    others = [key for key in labels if key != reference and key in methods]
    shown = [reference, *spread(others, _PLATE_METHODS - 1)]
    figures = {
        (str(row["method"]), str(row["prior"]), str(row["config"]), str(row["image"])): row
        for _, row in there.iterrows()
    }
    images = sorted(str(name) for name in there["image"].unique())
    whole = [name for name in images if all((*key, name) in figures for key in shown)]
    chosen = set(spread(whole, _PLATE_IMAGES))
    rows = [
        PlateRow(
            item.id,
            item.image.read(),
            [_cell(methods[key], item.id, unit, figures[(*key, item.id)]) for key in shown],
        )
        for item in selection
        if item.id in chosen
    ]
    if not rows:
        return None
    sheet = draw_plate(
        rows, [labels[key] for key in shown], f"{title} · {gathered.say_asked(count)}"
    )
    png, pdf = io.BytesIO(), io.BytesIO()
    sheet.save(png, "PNG")
    sheet.save(pdf, "PDF", resolution=300.0, quality=95)
    return png.getvalue(), pdf.getvalue()


def _cell(method: Evaluated, item_id: str, unit: int | str, row: "pd.Series[Any]") -> Any:
    from spam_pipe.stages.report.plate import PlateCell

    _, segmented = method.chain["segment"].store.read(item_id, unit, ("labels",))
    said = {"ASA": row["asa"], "GR": row["gr"], "EV": row["explained_variation"]}
    figures = " · ".join(f"{name} {value:.3f}" for name, value in said.items() if value == value)
    return PlateCell(segmented.arrays["labels"], f"n = {row['n_superpixels']:.0f} · {figures}")


def _rival(summary: "pd.DataFrame", reference: "SeriesKey") -> "SeriesKey | None":
    """Return the series, the reference aside, with the highest mean ASA; None without any ASA."""
    from spam_pipe.stages.report.comparisons import SERIES

    means = summary.groupby(list(SERIES), sort=False)["asa_mean"].mean().dropna()
    means = means[[key != reference for key in means.index]]
    return None if means.empty else means.idxmax()  # type: ignore[return-value]


def _middle_count(metrics: "pd.DataFrame") -> int:
    counts = sorted(int(count) for count in metrics["n_requested"].unique())
    return counts[(len(counts) - 1) // 2]


def _file_name(axis: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in axis) or "axis"
