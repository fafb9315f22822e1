"""The page's tables: which cells are best, which tie, what stands beside the reference."""

import re
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from spam_pipe.stages.report.config import ReportConfig
from spam_pipe.stages.report.curves import draw_curves
from spam_pipe.stages.report.page.charts import curves, image_figures, panels
from spam_pipe.stages.report.page.compared import compare, tied_cells
from spam_pipe.stages.report.page.data import Method
from spam_pipe.stages.report.page.headline import best_cells, headline, shown_measures
from spam_pipe.stages.report.page.render import in_order, tints
from spam_pipe.stages.report.page.words import lead
from spam_pipe.stages.report.style import SERIES_COLORS
from spam_pipe.stages.report.tables import metrics_table, seconds_per_image, summary_table
from tests.stages.report.page.page_tables import report, series, table

CONFIG = ReportConfig(bootstrap_samples=100)
MANY = [f"{number:02}" for number in range(30)]


def test_the_best_of_each_count_and_measure() -> None:
    best = best_cells(summary_table(table(["good", "poor"]), config=CONFIG))
    assert best[100, "asa"] == series("good")
    assert best[400, "gr"] == series("poor")


def test_one_method_competes_with_nobody() -> None:
    assert best_cells(summary_table(table(["good"]), config=CONFIG)) == {}


def test_yardsticks_win_nothing_and_stand_last() -> None:
    summary = summary_table(table(["ground-truth", "good", "poor"]), config=CONFIG)
    assert {owner for (_, measure), owner in best_cells(summary).items() if measure == "asa"} == {
        series("good")
    }
    methods = [Method(series(name), name) for name in ("ground-truth", "poor", "good")]
    assert [method.label for method in in_order(methods, summary)] == [
        "good",
        "poor",
        "ground-truth",
    ]


def test_a_method_has_one_colour_on_the_page_and_in_the_curves() -> None:
    names = ["ground-truth", "good", "poor"]
    summary = summary_table(table(names), config=CONFIG)
    methods = in_order([Method(series(name), name) for name in [*names, "unmeasured"]], summary)
    legend = draw_curves(summary).legends[0]
    drawn = {
        text.get_text(): line.get_color()
        for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)
    }
    places = tints(methods, summary)
    assert {
        method.label: SERIES_COLORS[place]
        for method, place in zip(methods, places, strict=True)
        if method.label in names
    } == drawn
    assert sorted(places) == [0, 1, 2, 3]
    css = files("spam_pipe.stages.report.page").joinpath("assets", "page.css").read_text("utf-8")
    light = re.findall(r"--c\d: (#\w+);", css.partition("}")[0])
    assert light == list(SERIES_COLORS)


def test_the_lead_counts_methods_that_have_figures() -> None:
    summary = summary_table(table(["good", "poor"]), config=CONFIG)
    methods = [Method(series(name), name) for name in ("good", "poor", "unmeasured")]
    assert lead(report(["good", "poor"]), methods, summary).startswith("2 methods on ")


def test_who_makes_far_more_than_was_asked_for_is_not_the_best() -> None:
    cheat = table(["cheat"], made=1.2, asa=0.99)
    rows = pd.concat([table(["good", "poor"]), cheat])
    summary = summary_table(metrics_table(rows.to_dict("records")), config=CONFIG)
    assert best_cells(summary)[100, "asa"] == series("good")
    blocks = headline(summary, {}, [series("good"), series("poor"), series("cheat")])
    assert [row.near for row in blocks[0].rows] == [True, True, False]


def test_the_headline_says_means_and_half_intervals() -> None:
    metrics = table(["good", "poor"])
    summary = summary_table(metrics, {("bsd", "val", *series("poor").values, 100): 2}, CONFIG)
    order = [series("good"), series("poor")]
    first, second = headline(summary, seconds_per_image(metrics), order)
    assert (first.count, second.count) == (100, 400)
    good, poor = first.rows
    asa, *_, seconds = good.figures
    row = summary.iloc[0]
    assert asa.mean == "0.890"
    assert asa.half == f"±{(row['asa_hi'] - row['asa_lo']) / 2:.3f}"
    assert asa.best
    assert seconds.mean == "0.25"
    assert (good.made, good.images, poor.images) == ("100", "3", "3 of 5")


def test_measures_without_figures_are_left_out() -> None:
    summary = summary_table(table(["good"], asa=None), config=CONFIG)
    assert "asa" not in shown_measures(summary)
    assert "gr" in shown_measures(summary)
    assert {panel["y"] for panel in panels(summary)} == {
        "boundary_recall",
        "boundary_precision",
        "explained_variation",
        "gr",
        "compactness",
        "seconds",
    }


def test_a_difference_that_may_be_chance_is_a_tie() -> None:
    metrics = table(["good", "poor"], MANY)
    noise = np.random.default_rng(0).normal(0, 0.05, len(metrics))
    ground = metrics["method"] == "poor"
    metrics["gr"] = np.where(ground, metrics["gr"] + noise - 0.02, metrics["gr"])
    summary = summary_table(metrics, config=CONFIG)
    tied = tied_cells(metrics, summary, CONFIG)
    other = {key: next(k for k in (series("good"), series("poor")) if k != owner)
             for key, owner in best_cells(summary).items()}  # fmt: skip
    assert (other[100, "gr"], 100, "gr") in tied
    assert (series("poor"), 100, "asa") not in tied


def test_every_method_beside_the_reference() -> None:
    metrics = table(["good", "poor"], MANY)
    order = [series("good"), series("poor")]
    comparison = compare(metrics, series("good"), order, CONFIG)
    assert comparison is not None
    assert (comparison.reference, comparison.measure) == (0, "ASA")
    reference, poor = comparison.blocks[100]
    assert (reference.series, reference.difference, reference.p) == (0, "–", "–")
    assert (poor.difference, poor.wins, poor.p) == ("−0.010", "0 %", "< .001")
    assert poor.significant
    assert reference.equal_count.startswith("0.620 ±")
    assert poor.equal_count.startswith("0.610 ±")


def test_without_ground_truth_explained_variation_is_compared() -> None:
    metrics = table(["good", "poor"], asa=None)
    comparison = compare(metrics, series("good"), [series("good"), series("poor")], CONFIG)
    assert comparison is not None
    assert comparison.measure == "EV"


@pytest.mark.parametrize(("methods", "images"), [(["good"], ["a", "b"]), (["good", "poor"], ["a"])])
def test_nothing_to_compare(methods: list[str], images: list[str]) -> None:
    order = [series(name) for name in methods]
    assert compare(table(methods, images), order[0], order, CONFIG) is None


def test_methods_stand_in_the_order_of_their_accuracy() -> None:
    summary = summary_table(table(["good", "poor"]), config=CONFIG)
    methods = report(["unmeasured", "poor", "good"]).methods
    assert [method.label for method in in_order(methods, summary)] == ["good", "poor", "unmeasured"]


def test_curves_hold_what_the_summary_holds() -> None:
    metrics = table(["good", "poor"])
    summary = summary_table(metrics, config=CONFIG)
    good, poor = curves(summary, seconds_per_image(metrics), [series("good"), series("poor")])
    assert [point["k"] for point in good] == [100, 400]
    assert good[0]["asa"] == pytest.approx(
        [summary.loc[0, f"asa_{part}"] for part in ("mean", "lo", "hi")], rel=1e-4
    )
    assert poor[1]["seconds"] == [0.5, None, None]


def test_one_image_has_no_interval() -> None:
    metrics = table(["good"], ["a"])
    summary = summary_table(metrics, config=CONFIG)
    ((point, _),) = curves(summary, {}, [series("good")])
    assert point["asa"] == [pytest.approx(0.91), None, None]
    (block, _) = headline(summary, {}, [series("good")])
    assert block.rows[0].figures[0].half == ""


def test_figures_of_single_images_at_the_gallerys_counts() -> None:
    figures = image_figures(table(["good", "poor"]), [400], [series("good"), series("poor")])
    assert figures["images"] == ["a", "b", "c"]
    assert len(figures["rows"]) == 6
    assert figures["rows"][0] == [0, 0, 0, 400, 0.94, 0.47, 0.74, 0.2, 0.84, 0.5]
