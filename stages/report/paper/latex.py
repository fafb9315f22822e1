r"""The summary as a LaTeX table for papers (booktabs): best in bold, significance marked."""

from collections.abc import Mapping

import pandas as pd

from spam_pipe.stages.report.comparisons import SIGNIFICANT
from spam_pipe.stages.report.figure_text import NOTHING, figure, without_zero
from spam_pipe.stages.report.series import YARDSTICKS, MethodKey
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
    labels: Mapping[MethodKey, str],
    reference: MethodKey | None = None,
) -> str:
    """Write the summary as a LaTeX table.

    Parameters
    ----------
    summary
        From `stages.report.tables.summary_table`, of one dataset's split.
    comparisons
        From `stages.report.comparisons.comparison_table`; may be empty.
    labels
        The name of each series.
    reference
        The series of the comparisons.

    Returns
    -------
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
            key = MethodKey.of(row)
            cells = [str(count) if number == 0 else "", latex_escape(labels.get(key, key.method))]
            cells.append(_figure(row["n_superpixels_mean"], ".0f"))
            for measure in shown:
                mean = row[f"{measure}_mean"]
                text = without_zero(_figure(mean))
                competes = len(rivals) > 1 and key.method not in YARDSTICKS
                if competes and round(float(mean), 3) == best[measure]:
                    text = rf"\textbf{{{text}}}"
                if (key, int(row["n_requested"]), measure) in plain:
                    text += f"${NOT_DIFFERENT}$"
                cells.append(text)
            lines.append(" & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table*}"]
    return "\n".join(lines) + "\n"


def latex_escape(text: str) -> str:
    """Return a text that LaTeX prints as it stands."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def _undecided(comparisons: pd.DataFrame) -> set[tuple[MethodKey, int, str]]:
    """Return the cells where a test was made and found no difference."""
    if comparisons.empty:
        return set()
    rows = comparisons[comparisons["p_holm"] >= SIGNIFICANT]
    return {
        (MethodKey.of(row), int(row["n_requested"]), str(row["measure"]))
        for _, row in rows.iterrows()
    }


def _caption(labels: Mapping[MethodKey, str], reference: MethodKey | None) -> str:
    said = (
        "Means over images; ground-truth measures are averaged over annotators first. "
        "$K$: requested, $n$: made. Best in bold."
    )
    if reference is not None:
        name = latex_escape(labels.get(reference, reference.method))
        said += (
            rf" ${NOT_DIFFERENT}$: no significant difference from {name} "
            rf"(Wilcoxon signed-rank, Holm-corrected, $p \ge {SIGNIFICANT:g}$)."
        )
    return said


def _figure(value: float, form: str = ".3f") -> str:
    return figure(value, form).replace(NOTHING, "--")
