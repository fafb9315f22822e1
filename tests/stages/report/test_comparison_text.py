"""The statistics as Markdown and LaTeX."""

import re

import pandas as pd
import pytest

from spam_pipe.stages.report.comparison_text import comparison_markdown, extremes_markdown
from spam_pipe.stages.report.comparisons import comparison_table, image_differences
from spam_pipe.stages.report.config import ReportConfig
from spam_pipe.stages.report.equal_terms import area_table, at_equal_count, at_equal_regularity
from spam_pipe.stages.report.paper.latex import latex_escape, latex_table
from spam_pipe.stages.report.tables import summary_table
from tests.stages.report.comparison_cases import OURS, THEIRS, two_methods

CONFIG = ReportConfig(bootstrap_samples=200)
LABELS = {OURS: "ours", THEIRS: "their | method"}


def markdown(metrics: pd.DataFrame) -> str:
    return comparison_markdown(
        comparison_table(metrics, OURS, CONFIG),
        at_equal_count(metrics, config=CONFIG),
        at_equal_regularity(metrics, OURS, config=CONFIG),
        area_table(metrics, CONFIG),
        LABELS,
        OURS,
    )


def test_markdown_says_differences_with_interval_and_wins() -> None:
    text = markdown(two_methods(n_images=12))
    assert "# Compared with ours" in text
    assert "| ASA | K = 100 | K = 400 |" in text
    # Twelve differences of one sign are significant: p = 2 / 2^12.
    ours = r"\*\*-0\.0100\*\* \[-0\.0100, -0\.0100\] 0 %"
    assert re.search(rf"\| their \\\| method \| {ours} \|", text)
    assert "on the same 12 images" in text


def test_insignificant_differences_are_not_bold() -> None:
    assert "**" not in markdown(two_methods(n_images=3)).replace("Bold", "")


def test_one_image_shows_no_interval() -> None:
    text = markdown(two_methods(n_images=1))
    assert "[" not in text.partition("## Paired differences")[2]


def test_sections_without_figures_are_left_out() -> None:
    text = markdown(two_methods(counts=(100,)))
    assert "equal count" not in text
    assert "Area" not in text


def test_the_worst_and_best_images_are_listed_once() -> None:
    metrics = two_methods(n_images=3)
    text = extremes_markdown(image_differences(metrics, OURS, THEIRS, 400), ("a", "b"), "K = 400")
    assert [line.split(" | ")[0] for line in text.splitlines()[4:]] == ["| 00", "| 01", "| 02"]
    assert text.count("+0.020") == 3


def latex(metrics: pd.DataFrame) -> str:
    summary = summary_table(metrics, config=CONFIG)
    return latex_table(summary, comparison_table(metrics, OURS, CONFIG), LABELS, OURS)


def test_latex_marks_the_best_and_what_does_not_differ() -> None:
    text = latex(two_methods(n_images=12))
    assert r"100 & their | method & 100 & .945 & \textbf{.555} \\" in text
    assert r" & ours & 100 & \textbf{.955} & .500 \\" in text
    assert r"their | method & 100 & .890$^{\circ}$" in latex(two_methods(n_images=1)) or (
        r"$^{\circ}$" not in latex(two_methods(n_images=1)).partition(r"\toprule")[2]
    )
    assert r"their | method & 100 & .900$^{\circ}$" in latex(two_methods(n_images=3))


def test_latex_has_a_column_per_measure_that_is_there() -> None:
    text = latex(two_methods())
    assert r"$K$ & method & $n$ & ASA & GR \\" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {row.count("&") for row in rows} == {4}


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("spam_ssn & 5 %", r"spam\_ssn \& 5 \%"),
        ("λ_s=6", r"$\lambda$\_s=6"),
        ("{a}\\b~^", r"\{a\}\textbackslash{}b\textasciitilde{}\textasciicircum{}"),
    ],
)
def test_latex_prints_names_as_they_are(text: str, escaped: str) -> None:
    assert latex_escape(text) == escaped
