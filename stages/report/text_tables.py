"""The summary as a person reads it: a Markdown table and a table for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from spam_pipe.stages.report import figure_text
from spam_pipe.stages.report.series import Series, name_series
from spam_pipe.stages.report.tables import GROUP, Group, group_of

SHOWN = {
    "asa": "ASA",
    "gr": "GR",
    "boundary_recall": "recall",
    "boundary_precision": "precision",
    "explained_variation": "EV",
    "compactness": "CO",
}
"""The measures that the short tables show, and their headings."""

DROPPED_WHEN_NARROW = ("compactness", "explained_variation", "boundary_precision")
LABEL_WIDTH = 24
MOST_ROWS = 40
"""A longer table for the terminal is cut to some of its counts."""

_ASKED = {
    "K": "K: superpixels requested",
    "size": "size: the superpixels' requested edge, from which each image's number follows",
}

CAPTION = (
    "ASA, recall and precision (ground truth) are averaged over an image's annotators, then over "
    "images. ±: half the 95 % bootstrap interval over images."
)
CAPTION_WITHOUT_TRUTH = (
    "ASA, recall and precision need ground truth, and these images have none. ±: half the 95 % "
    "bootstrap interval over images."
)


def markdown_table(summary: pd.DataFrame, sizes: Mapping[int, str] | None = None) -> str:
    """Write the summary as a Markdown document with one table.

    Parameters
    ----------
    summary
        From `stages.report.tables.summary_table`.
    sizes
        Names of counts that come from a size of superpixels, such as ``20 px``.

    Returns
    -------
    Heading, an explanation of the figures, and one row per row of the summary.
    """
    if summary.empty:
        return "# Superpixels\n\nNo image has been evaluated yet.\n"
    series = name_series(summary)
    varying = [key for key in GROUP[:-1] if key not in series.common]
    asked = "size" if sizes else "K"
    head = [*varying, asked, "n", *SHOWN.values(), "images", "failed"]
    lines = [
        f"# Superpixels: {markdown_escape(series.title())}",
        "",
        *_shared(series),
        _caption(summary, list(SHOWN)),
        f"{_ASKED[asked]}; n: superpixels made (mean). Regularity (GR, CO) stands beside "
        "accuracy because either is easily had at the other's cost.",
        "",
        markdown_row(head),
        markdown_row(["---"] * len(varying) + ["---:"] * (len(head) - len(varying))),
    ]
    for _, row in summary.iterrows():
        cells = [markdown_escape(str(row[key])) for key in varying]
        cells += [_asked(row, sizes), figure_text.count(row["n_superpixels_mean"])]
        cells += [figure_text.beside(*_figure(row, measure)) for measure in SHOWN]
        lines.append(markdown_row([*cells, str(row["n_images"]), str(row["n_failed"])]))
    return "\n".join(lines) + "\n"


def terminal_table(
    summary: pd.DataFrame,
    seconds: Mapping[Group, float] | None = None,
    width: int = 100,
    sizes: Mapping[int, str] | None = None,
) -> Table:
    """Lay the summary out for a terminal.

    Parameters
    ----------
    summary
        From `stages.report.tables.summary_table`.
    seconds
        Seconds per image by the values of `GROUP` (`stages.report.tables.seconds_per_image`).
    width
        Columns that the terminal has; where they do not suffice, the least telling measures
        are left out.
    sizes
        Names of counts that come from a size of superpixels, such as ``20 px``.

    Returns
    -------
    Each mean with half its 95 % interval below it; numbers are never cut.
    """
    if summary.empty:
        nothing = Table.grid()
        nothing.add_row("No image has been evaluated yet.")
        return nothing
    shown = list(SHOWN)
    counts = sorted(set(summary["n_requested"].tolist()))
    kept = some_counts(counts, max(1, MOST_ROWS * len(counts) // len(summary)))
    summary = summary[summary["n_requested"].isin(kept)]
    left_out = "" if len(kept) == len(counts) else " All counts are in summary.md."
    table = _lay_out(summary, seconds or {}, shown, left_out, sizes)
    for number, measure in enumerate(DROPPED_WHEN_NARROW, start=1):
        if Console(width=10 * width).measure(table).maximum <= width:
            break
        shown.remove(measure)
        dropped = ", ".join(SHOWN[each] for each in DROPPED_WHEN_NARROW[:number])
        too_wide = f" {dropped}: in summary.md, for want of room."
        table = _lay_out(summary, seconds or {}, shown, left_out + too_wide, sizes)
    return table


def some_counts(counts: Sequence[int], n_wanted: int) -> list[int]:
    """Return at most so many of the counts, ascending ones evenly spread and neither end first."""
    if len(counts) <= n_wanted:
        return list(counts)
    return [counts[(i + 1) * (len(counts) - 1) // (n_wanted + 1)] for i in range(n_wanted)]


def _lay_out(
    summary: pd.DataFrame,
    seconds: Mapping[Group, float],
    shown: Sequence[str],
    left_out: str,
    sizes: Mapping[int, str] | None,
) -> Table:
    """Build the terminal's table with the measures that are named."""
    series = name_series(summary)
    table = Table(
        title=series.title(),
        title_style="bold",
        title_justify="left",
        caption=_caption(summary, shown) + left_out,
        caption_justify="left",
        caption_style="dim",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    labelled = any(series.labels)
    if labelled:
        table.add_column("", overflow="fold", max_width=LABEL_WIDTH)
    for heading in (
        "size" if sizes else "K",
        "n",
        *(SHOWN[measure] for measure in shown),
        "s/image",
        "images",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    previous = None
    for label, (_, row) in zip(series.labels, summary.iterrows(), strict=True):
        if previous not in (None, label):
            table.add_section()
        name = [Text("" if label == previous else label, style="bold")] if labelled else []
        table.add_row(
            *name,
            _asked(row, sizes),
            figure_text.count(row["n_superpixels_mean"]),
            *(_stacked(*_figure(row, measure)) for measure in shown),
            figure_text.seconds(seconds.get(group_of(row))),
            figure_text.images(int(row["n_images"]), int(row["n_failed"])),
        )
        previous = label
    return table


def _caption(summary: pd.DataFrame, shown: Sequence[str]) -> str:
    measured = bool(summary["n_images"].any()) and bool(summary["asa_mean"].isna().all())
    if measured:
        return CAPTION_WITHOUT_TRUTH
    return " ".join([CAPTION, *stand_on_fewer(summary, shown)])


def stand_on_fewer(summary: pd.DataFrame, shown: Sequence[str]) -> list[str]:
    """Say which measures stand on fewer images than the table counts, and on how many."""
    measures: dict[str, list[str]] = {}
    for measure in shown:
        fewer = summary[summary[f"{measure}_n"] < summary["n_images"]]
        if fewer.empty:
            continue
        ends = sorted({int(fewer[f"{measure}_n"].min()), int(fewer[f"{measure}_n"].max())})
        number = "–".join(map(str, ends))
        images = f": over {number} of {int(fewer['n_images'].max())} images"
        if ends == [0]:
            images = " need ground truth, and these images have none"
        measures.setdefault(images, []).append(SHOWN[measure])
    return [f"{', '.join(names)}{images}." for images, names in measures.items()]


def _asked(row: "pd.Series[Any]", sizes: Mapping[int, str] | None) -> str:
    count = int(row["n_requested"])
    return (sizes or {}).get(count, str(count))


def _figure(row: "pd.Series[float]", measure: str) -> tuple[str, str]:
    """Return a mean and its ± half interval as text."""
    mean, low, high = (row[f"{measure}_{part}"] for part in ("mean", "lo", "hi"))
    return figure_text.figure(mean), figure_text.without_zero(figure_text.half_interval(low, high))


def _stacked(mean: str, half: str) -> Text:
    return Text.assemble(mean, ("\n" + half, "dim")) if half else Text(mean)


def _shared(series: Series) -> list[str]:
    """Say which method, prior and config all rows have in common."""
    shared = [
        f"{key}: {markdown_escape(series.common[key])}"
        for key in ("method", "prior", "config")
        if series.common.get(key)
    ]
    return [f"The same for all rows: {', '.join(shared)}."] if shared else []


def markdown_escape(text: str) -> str:
    """Return a text that stands in a cell of a Markdown table as it is."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def markdown_row(cells: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"
