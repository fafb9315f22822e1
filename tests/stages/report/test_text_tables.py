"""What a person reads: the Markdown table and the terminal's."""

import io
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console

from spam_pipe.stages.report.series import name_series
from spam_pipe.stages.report.tables import metrics_table, seconds_per_image, summary_table
from spam_pipe.stages.report.text_tables import markdown_table, some_counts, terminal_table

FIGURES = {
    "asa": 0.95,
    "gr": 0.6,
    "boundary_recall": 0.5,
    "boundary_precision": 0.2,
    "explained_variation": 0.85,
    "compactness": 0.4,
}


def metrics(
    methods: Sequence[tuple[str, str, str]] = (("spam", "none", "0a1b2c3d"),),
    counts: Sequence[int] = (100, 400),
    n_images: int = 6,
    **others: Any,
) -> Any:
    return metrics_table(
        {
            "dataset": "bsd",
            "split": "test",
            "image": f"{i:04d}",
            "method": method,
            "prior": prior,
            "config": config,
            "n_requested": count,
            "n_superpixels": count + i % 2,
            "seconds": 0.2,
            **{name: value + i / 500 for name, value in FIGURES.items()},
            **others,
        }
        for method, prior, config in methods
        for count in counts
        for i in range(n_images)
    )


def rendered(summary: Any, width: int, seconds: Any = None) -> str:
    target = io.StringIO()
    console = Console(file=target, width=width, color_system=None)
    console.print(terminal_table(summary, seconds, width))
    return target.getvalue()


MANY = [(m, p, c) for m in ("spam", "slic") for p, c in (("none", "by default"), ("sam", "2222"))]
FAILED = {("bsd", "test", "spam", "none", "0a1b2c3d", 400): 2}


@pytest.mark.parametrize("width", [100, 80])
@pytest.mark.parametrize("methods", [[("spam", "none", "0a1b2c3d")], MANY])
def test_the_terminal_table_fits(methods: list[tuple[str, str, str]], width: int) -> None:
    table = metrics(methods, (25, 100, 10_000))
    text = rendered(summary_table(table, FAILED), width, seconds_per_image(table))
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for word in ("ASA", "GR", "recall", "s/image", "images", "10000.5", "0.2", "averaged over"):
        assert word in text
    if width == 100 and len(methods) == 1:
        assert all(word in text for word in ("precision", "EV", "CO"))


def test_a_long_label_is_folded_before_figures_are_cut() -> None:
    methods = [("a-very-long-method-name-of-someone", "sam+contour", "x" * 30), MANY[0]]
    text = rendered(summary_table(metrics(methods)), 100)
    assert max(map(len, text.splitlines())) <= 100
    assert "0.955" in text
    assert "…" not in text


def test_the_interval_stands_below_its_mean() -> None:
    lines = rendered(summary_table(metrics(counts=(100,))), 100).splitlines()
    place = next(i for i, line in enumerate(lines) if "0.955" in line)
    column = lines[place].index("0.955")
    assert lines[place + 1][column : column + 5] == "±.003"


def test_failed_images_are_told_and_an_undefined_figure_is_a_dash() -> None:
    text = rendered(summary_table(metrics(asa=None), FAILED), 100)
    assert "6 of 8" in text
    assert "–" in text


def test_it_says_on_how_many_images_a_figure_stands() -> None:
    table = metrics()
    without_truth = table["image"].isin(["0001", "0004"])
    table.loc[without_truth, ["asa", "boundary_recall", "boundary_precision"]] = float("nan")
    table.loc[(table["image"] == "0000") & (table["n_requested"] == 100), "compactness"] = None
    summary = summary_table(table)
    assert summary["asa_n"].tolist() == [4, 4]
    assert summary["gr_n"].tolist() == [6, 6]
    for text in (rendered(summary, 100), markdown_table(summary)):
        said = " ".join(text.split())
        assert "ASA, recall, precision: over 4 of 6 images. CO: over 5 of 6 images." in said
    assert "over 4 of" not in rendered(summary_table(metrics()), 100)


def test_what_is_dropped_where_the_terminal_is_narrow_is_named() -> None:
    text = " ".join(rendered(summary_table(metrics(MANY)), 62).split())
    assert "CO, EV, precision: in summary.md, for want of room." in text
    assert "want of room" not in rendered(summary_table(metrics(MANY)), 120)


def test_no_evaluated_image_is_said() -> None:
    summary = summary_table(metrics_table([]))
    assert "No image has been evaluated" in rendered(summary, 80)
    assert "No image has been evaluated" in markdown_table(summary)


def test_only_failures_make_a_table_without_figures() -> None:
    summary = summary_table(metrics_table([]), FAILED)
    assert "0 of 2" in rendered(summary, 80)
    assert "| 400 | – |" in markdown_table(summary)


def test_the_markdown_table_says_what_its_figures_mean() -> None:
    text = markdown_table(summary_table(metrics(n_images=2)))
    assert text == markdown_table(summary_table(metrics(n_images=2)))
    head, table = text.split("\n\n| ")
    assert "averaged over an image's annotators, then over images" in head
    assert "method: spam, prior: none, config: 0a1b2c3d" in head
    assert "K: superpixels requested; n: superpixels made" in head
    rows = table.splitlines()
    assert rows[0] == "K | n | ASA | GR | recall | precision | EV | CO | images | failed |"
    assert rows[2] == (
        "| 100 | 100.5 | 0.951 ±.001 | 0.601 ±.001 | 0.501 ±.001 | 0.201 ±.001 "
        "| 0.851 ±.001 | 0.401 ±.001 | 2 | 0 |"
    )


def test_the_markdown_table_has_a_column_for_what_differs() -> None:
    table = markdown_table(summary_table(metrics(MANY)))
    assert "| method | prior | config | K |" in table
    assert "| slic | none | by default | 100 |" in table


def test_names_cannot_break_the_markdown() -> None:
    table = markdown_table(summary_table(metrics([("a|b<script>", "none", "c"), MANY[0]])))
    assert "<script>" not in table
    assert "| a\\|b&lt;script> |" in table


def test_labels_leave_out_what_is_shared_and_what_is_not_needed() -> None:
    assert name_series(summary_table(metrics())).labels == ["", ""]
    two = name_series(summary_table(metrics(MANY[:2])))
    assert two.labels == ["no prior"] * 2 + ["sam prior"] * 2
    assert two.title() == "bsd · test · spam"
    sweep = [("spam", "none", f"compactness={c}") for c in (5, 7)]
    assert name_series(summary_table(metrics(sweep, (100,)))).labels == [
        "compactness=5",
        "compactness=7",
    ]
    mixed = name_series(summary_table(metrics([*sweep, ("slic", "none", "c")], (100,))))
    assert mixed.labels == ["c", "compactness=5", "compactness=7"]  # a sweep's labels say all
    hashed = name_series(
        summary_table(metrics([*sweep, ("slic", "none", "with compactness = 5")], (100,)))
    )
    assert hashed.labels == [
        "slic · with compactness = 5",
        "spam · compactness=5",
        "spam · compactness=7",
    ]


def test_a_long_table_keeps_a_few_counts_and_says_so() -> None:
    methods = [("slic", "none", f"m{i:02d}") for i in range(19)]
    counts = (25, 50, 100, 200, 300, 400, 600, 800, 1000)
    summary = summary_table(metrics(methods, counts, 2))
    shown = rendered(summary, 100)
    assert "All counts are in summary.md" in " ".join(shown.split())
    kept = {int(word) for line in shown.splitlines() for word in line.split() if word.isdigit()}
    assert {100, 400} <= kept
    assert not {25, 50, 200, 300, 600, 800, 1000} & kept


@pytest.mark.parametrize("n_wanted", range(1, 12))
def test_counts_are_kept_evenly(n_wanted: int) -> None:
    counts = [25, 50, 100, 200, 300, 400, 600, 800, 1000]
    kept = some_counts(counts, n_wanted)
    assert len(kept) == min(n_wanted, len(counts))
    assert kept == sorted(set(kept))
    assert set(kept) <= set(counts)
