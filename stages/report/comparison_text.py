"""The statistics as a Markdown document that says how to read them."""

from collections.abc import Mapping, Sequence

import pandas as pd

from spam_pipe.stages.report.comparisons import SIGNIFICANT
from spam_pipe.stages.report.figure_text import NOTHING, beside, figure, interval
from spam_pipe.stages.report.series import SERIES, MethodKey
from spam_pipe.stages.report.text_tables import SHOWN, markdown_escape, markdown_row

PAIRED = ("asa", "boundary_recall", "gr")
"""The measures whose differences are shown."""

N_EXTREMES = 5
"""Images listed at either end."""


def comparison_markdown(
    comparisons: pd.DataFrame,
    equal_count: pd.DataFrame,
    equal_regularity: pd.DataFrame,
    areas: pd.DataFrame,
    labels: Mapping[MethodKey, str],
    reference: MethodKey,
    sizes: Mapping[int, str] | None = None,
) -> str:
    """Write the statistics of one dataset's split.

    Parameters
    ----------
    comparisons
        From `stages.report.comparisons.comparison_table`.
    equal_count, equal_regularity, areas
        From `stages.report.equal_terms`.
    labels
        The name of each series.
    reference
        The series that others are compared with.
    sizes
        Names of counts that come from a size of superpixels, such as ``20 px``.

    Returns
    -------
    Markdown; sections without any figure are left out.
    """
    name = markdown_escape(labels[reference])
    sizes = sizes or {}
    parts = [
        f"# Compared with {name}",
        "Every comparison is between the same images. Intervals are 95 % bootstrap intervals over "
        "images; none is given for one image. Measures of ground truth are averaged over an "
        "image's annotators first.",
        *_paired(comparisons, labels, name, sizes),
        *_at_equal(
            "ASA at equal count",
            "The curve of means over log n, read where exactly as many superpixels are made as "
            f"asked for. {NOTHING}: the curve does not reach there.",
            equal_count,
            labels,
            sizes,
        ),
        *_at_equal_regularity(equal_regularity, labels, name, sizes),
        *_areas(areas, labels),
    ]
    return "\n\n".join(parts) + "\n"


def extremes_markdown(differences: pd.DataFrame, names: tuple[str, str], asked: str) -> str:
    """List the worst and best images of a method against another.

    Parameters
    ----------
    differences
        From `stages.report.comparisons.image_differences`.
    names
        The names of the method and of the reference.
    asked
        The requested count, such as ``K = 100``.
    """
    mine, theirs = map(markdown_escape, names)
    worst = differences.head(N_EXTREMES)
    best = differences.iloc[max(len(worst), len(differences) - N_EXTREMES) :]
    rows = pd.concat([worst, best])
    lines = [
        f"## {mine} against {theirs}, image by image (ASA, {asked})",
        "",
        *_table(["image", mine, theirs, "difference"], 1),
    ]
    lines += [
        markdown_row(
            [
                markdown_escape(str(row["image"])),
                figure(row["figure"]),
                figure(row["reference"]),
                figure(row["difference"], "+.3f"),
            ]
        )
        for _, row in rows.iterrows()
    ]
    return "\n".join(lines) + "\n"


def _paired(
    table: pd.DataFrame, labels: Mapping[MethodKey, str], name: str, sizes: Mapping[int, str]
) -> list[str]:
    table = table[(table["n_pairs"] > 0) & table["measure"].isin(PAIRED)]
    if table.empty:
        return []
    pairs = sorted(set(table["n_pairs"].tolist()))
    said = " to ".join(dict.fromkeys([str(pairs[0]), str(pairs[-1])]))
    parts = [
        "## Paired differences",
        f"Method minus {name} on the same {said} images, with its interval; share of images where "
        "the method is better, ties counted half. Bold: significant (Wilcoxon's signed-rank test, "
        f"Holm-corrected over the methods of a column, p < {SIGNIFICANT:g}). Exact p values and "
        "further measures are in `comparisons.csv`.",
    ]
    for measure in dict.fromkeys(table["measure"]):
        rows = table[table["measure"] == measure]
        counts = sorted(set(rows["n_requested"].tolist()))
        lines = _table([SHOWN.get(measure, measure), *_asked(counts, sizes)], 1)
        for key, own in rows.groupby(list(SERIES), sort=False):
            by_count = own.set_index("n_requested")
            cells = [
                _difference(by_count.loc[count]) if count in by_count.index else NOTHING
                for count in counts
            ]
            lines.append(markdown_row([markdown_escape(labels[MethodKey(*map(str, key))]), *cells]))
        parts.append("\n".join(lines))
    return parts


def _difference(row: "pd.Series[float]") -> str:
    mean = figure(row["difference"], "+.4f")
    if row["p_holm"] < SIGNIFICANT:
        mean = f"**{mean}**"
    ends = interval(row["difference_lo"], row["difference_hi"], "+.4f")
    wins = f"{row['win_rate']:.0%}".replace("%", " %")
    return beside(mean, ends, wins)


def _at_equal(
    title: str,
    said: str,
    table: pd.DataFrame,
    labels: Mapping[MethodKey, str],
    sizes: Mapping[int, str],
) -> list[str]:
    if table.empty or bool(table["mean"].isna().all()):
        return []
    counts = sorted(set(table["n_requested"].tolist()))
    lines = _table(["method", *_asked(counts, sizes)], 1)
    for key, rows in table.groupby(list(SERIES), sort=False):
        by_count = rows.set_index("n_requested")
        cells = [_with_interval(by_count.loc[count]) for count in counts]
        lines.append(markdown_row([markdown_escape(labels[MethodKey(*map(str, key))]), *cells]))
    return [f"## {title}", said, "\n".join(lines)]


def _at_equal_regularity(
    table: pd.DataFrame, labels: Mapping[MethodKey, str], name: str, sizes: Mapping[int, str]
) -> list[str]:
    if table.empty or bool(table["difference"].isna().all()):
        return []
    counts = sorted(set(table["n_requested"].tolist()))
    lines = _table(["method", *_asked(counts, sizes)], 1)
    for key, rows in table.groupby(list(SERIES), sort=False):
        by_count = rows.set_index("n_requested")
        cells = []
        for count in counts:
            row = by_count.loc[count] if count in by_count.index else None
            if row is None or pd.isna(row["difference"]):
                cells.append(NOTHING)
                continue
            difference = figure(row["difference"], "+.3f")
            ends = interval(row["lo"], row["hi"], "+.3f")
            cells.append(f"{difference} {ends} at {row['reference_gr']:.2f}")
        lines.append(markdown_row([markdown_escape(labels[MethodKey(*map(str, key))]), *cells]))
    said = (
        f"Method minus {name} at the same number asked for and GR: the curve of all {name} "
        "variants that ran is read at the method's GR, or at its least regular end where the "
        f"method is less regular still. {NOTHING}: the method is more regular than any variant."
    )
    return ["## ASA at equal regularity", said, "\n".join(lines)]


def _areas(table: pd.DataFrame, labels: Mapping[MethodKey, str]) -> list[str]:
    table = table[table["mean"].notna()]
    if table.empty:
        return []
    measures = list(dict.fromkeys(table["measure"]))
    start, end = float(table["n_from"].iloc[0]), float(table["n_to"].iloc[0])
    lines = _table(["method", *(SHOWN.get(measure, measure) for measure in measures)], 1)
    for key, rows in table.groupby(list(SERIES), sort=False):
        by_measure = rows.set_index("measure")
        cells = [
            _with_interval(by_measure.loc[measure]) if measure in by_measure.index else NOTHING
            for measure in measures
        ]
        lines.append(markdown_row([markdown_escape(labels[MethodKey(*map(str, key))]), *cells]))
    return [
        "## Area under the curves",
        f"Mean height of each curve over log n from n = {start:.0f} to {end:.0f}, the range that "
        "all methods cover.",
        "\n".join(lines),
    ]


def _asked(counts: Sequence[int], sizes: Mapping[int, str]) -> list[str]:
    return [sizes.get(count, f"K = {count}") for count in counts]


def _with_interval(row: "pd.Series[float]") -> str:
    return beside(figure(row["mean"]), interval(row["lo"], row["hi"]))


def _table(head: Sequence[str], n_texts: int) -> list[str]:
    rule = ["---"] * n_texts + ["---:"] * (len(head) - n_texts)
    return [markdown_row(list(head)), markdown_row(rule)]
