r"""The summary as a LaTeX table for papers (booktabs): best in bold, significance marked."""

from collections.abc import Mapping

import pandas as pd

from spam_pipe.stages.report.comparisons import SERIES, SIGNIFICANT, SeriesKey
from spam_pipe.stages.report.series import YARDSTICKS
from spam_pipe.stages.report.text_tables import SHOWN

NOT_DIFFERENT = r"^{\circ}"
"""Stands by a figure that does not differ significantly from the reference's."""

_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "λ": r"$\lambda$",
    "β": r"$\beta$",
    "ρ": r"$\rho$",
    "τ": r"$\tau$",
}


def latex_table(
    summary: pd.DataFrame,
    comparisons: pd.DataFrame,
    labels: Mapping[SeriesKey, str],
    reference: SeriesKey | None = None,
) -> str:
    """Write the summary as a LaTeX table.

    Parameters
    ----------
    summary
        From `stages.report.tables.summary_table`, of one dataset's split.
    comparisons
        From `stages.report.comparisons.comparison_table`; may be empty.
    labels
        What each series is called.
    reference
        The series of the comparisons.

    Returns
    -------
    str
        A ``table*`` environment that needs the package booktabs. Measures that no row has are
        left out; equal best figures (as printed) are all bold.
    """
    shown = {
        measure: heading
        for measure, heading in SHOWN.items()
        if bool(summary[f"{measure}_mean"].notna().any())
    }
    plain = _undecided(comparisons)
    lines = [
        r"\begin{table*}",
        r"\centering",
        rf"\caption{{{_caption(labels, reference)}}}",
        rf"\begin{{tabular}}{{rl r{'r' * len(shown)}}}",
        r"\toprule",
        " & ".join(["$K$", "method", "$n$", *map(latex_escape, shown.values())]) + r" \\",
    ]
    for count, rows in summary.groupby("n_requested", sort=True):
        lines.append(r"\midrule")
        rivals = rows[~rows["method"].isin(YARDSTICKS)]
        best = {measure: rivals[f"{measure}_mean"].round(3).max() for measure in shown}
        for number, (_, row) in enumerate(rows.iterrows()):
            key = (str(row["method"]), str(row["prior"]), str(row["config"]))
            cells = [str(count) if number == 0 else "", latex_escape(labels.get(key, key[0]))]
            cells.append(_figure(row["n_superpixels_mean"], "{:.0f}"))
            for measure in shown:
                mean = row[f"{measure}_mean"]
                text = _figure(mean, "{:.3f}").replace("0.", ".", 1)
                competes = len(rivals) > 1 and key[0] not in YARDSTICKS
                if competes and round(float(mean), 3) == best[measure]:
                    text = rf"\textbf{{{text}}}"
                if (*key, int(row["n_requested"]), measure) in plain:
                    text += f"${NOT_DIFFERENT}$"
                cells.append(text)
            lines.append(" & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table*}"]
    return "\n".join(lines) + "\n"


def latex_escape(text: str) -> str:
    """Return a text that LaTeX prints as it stands."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def _undecided(comparisons: pd.DataFrame) -> set[tuple[str, str, str, int, str]]:
    """Return the cells where a test was made and found no difference."""
    if comparisons.empty:
        return set()
    rows = comparisons[comparisons["p_holm"] >= SIGNIFICANT]
    found = rows[[*SERIES, "n_requested", "measure"]].itertuples(index=False)
    return {(str(m), str(p), str(c), int(k), str(name)) for m, p, c, k, name in found}


def _caption(labels: Mapping[SeriesKey, str], reference: SeriesKey | None) -> str:
    said = (
        "Means over images; ground-truth measures are averaged over annotators first. "
        "$K$: requested, $n$: made. Best in bold."
    )
    if reference is not None:
        name = latex_escape(labels.get(reference, reference[0]))
        said += (
            rf" ${NOT_DIFFERENT}$: no significant difference from {name} "
            rf"(Wilcoxon signed-rank, Holm-corrected, $p \ge {SIGNIFICANT:g}$)."
        )
    return said


def _figure(value: float, form: str) -> str:
    return "--" if pd.isna(value) else form.format(value)
