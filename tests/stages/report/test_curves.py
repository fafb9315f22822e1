"""The curves: what is drawn, where, and the same bytes twice."""

import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from spam_pipe.stages.report.curves import TITLES, draw_curves, save_figure, split_curves
from spam_pipe.stages.report.style import SERIES_COLORS
from spam_pipe.stages.report.tables import metrics_table, summary_table

FIGURES = {
    "asa": 0.95,
    "boundary_recall": 0.5,
    "boundary_precision": 0.2,
    "explained_variation": 0.85,
    "gr": 0.6,
    "compactness": 0.4,
}
GROUND_TRUTH = ("asa", "boundary_recall", "boundary_precision")


def summary(
    counts: Sequence[int] = (100, 400),
    methods: Sequence[str] = ("spam",),
    n_images: int = 4,
    **others: Any,
) -> Any:
    draws = np.random.default_rng(0)
    return summary_table(
        metrics_table(
            {
                "dataset": "bsd",
                "split": "test",
                "image": str(i),
                "method": method,
                "prior": "none",
                "config": method,
                "n_requested": count,
                "n_superpixels": 0.8 * count,
                **{name: value + draws.normal(0, 0.01) for name, value in FIGURES.items()},
                **others,
            }
            for method in methods
            for count in counts
            for i in range(n_images)
        )
    )


def png(figure: Figure) -> bytes:
    target = io.BytesIO()
    save_figure(figure, target)
    return target.getvalue()


def panels(figure: Figure) -> dict[str, Any]:
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


def test_curves_go_through_the_means_at_the_count_really_made() -> None:
    table = summary((400, 25, 100))
    axes = panels(draw_curves(table))[TITLES["asa"]]
    (line,) = axes.lines
    np.testing.assert_array_equal(line.get_xdata(), [20, 80, 320])
    np.testing.assert_array_equal(line.get_ydata(), table["asa_mean"])
    assert axes.get_xscale() == "log"
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == table["asa_lo"].min()
    assert band[:, 1].max() == table["asa_hi"].max()


def test_all_measures_and_both_trades_have_a_panel() -> None:
    titles = {TITLES[name] for name in FIGURES} | {"Accuracy / Regularity", "Precision / Recall"}
    assert set(panels(draw_curves(summary()))) == titles


def test_without_ground_truth_its_panels_are_left_out() -> None:
    table = summary(**dict.fromkeys(GROUND_TRUTH))
    expected = {TITLES[name] for name in FIGURES if name not in GROUND_TRUTH}
    assert set(panels(draw_curves(table))) == expected


def test_a_single_count_is_a_point_with_its_interval_in_view() -> None:
    table = summary((100,), ("slic", "spam"))
    axes = panels(draw_curves(table))[TITLES["gr"]]
    assert [len(line.get_xdata()) for line in axes.lines] == [1, 1]
    low, high = axes.get_ylim()
    assert low < table["gr_lo"].min() <= table["gr_hi"].max() < high
    assert axes.get_xscale() == "linear"
    shown = [line.get_transform().transform([[80, 0.6]])[0, 0] for line in axes.lines]
    assert shown[1] - shown[0] > 5


def test_series_differ_in_colour_and_marker_and_are_named() -> None:
    figure = draw_curves(summary(methods=("slic", "spam", "lsc")))
    lines = panels(figure)[TITLES["asa"]].lines
    assert len({line.get_color() for line in lines}) == 3
    assert len({line.get_marker() for line in lines}) == 3
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["lsc", "slic", "spam"]
    assert not draw_curves(summary()).legends


def test_more_series_than_colours_differ_in_dash() -> None:
    figure = draw_curves(summary(methods=[f"m{i}" for i in range(9)]))
    lines = panels(figure)[TITLES["asa"]].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 9


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "table",
    [
        summary(),
        summary((100,)),
        summary((100,), n_images=1),
        summary(range(100, 900, 100), ("a", "b")),
        summary(asa=None),
        summary_table(metrics_table([])),
        summary_table(metrics_table([]), {("bsd", "test", "spam", "none", "c", 100): 3}),
    ],
    ids=["usual", "one count", "one image", "many counts", "no asa", "nothing", "all failed"],
)
def test_equal_tables_give_equal_pictures_of_a_fair_size(table: Any) -> None:
    picture = png(draw_curves(table))
    assert picture == png(draw_curves(table))
    opened = Image.open(io.BytesIO(picture))
    assert 1200 <= opened.width <= 2400
    assert opened.getextrema()[0] != (255, 255)


def test_all_text_lies_inside_the_picture() -> None:
    figure = draw_curves(summary(methods=[f"a method with a long name {i}" for i in range(5)]))
    png(figure)
    frame = figure.bbox
    texts = [*figure.texts, *figure.legends[0].get_texts()]
    texts += [axes.title for axes in figure.axes] + [axes._left_title for axes in figure.axes]
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= frame.x0
        assert box.x1 <= frame.x1
        assert box.y0 >= frame.y0
        assert box.y1 <= frame.y1


def test_drawing_leaves_the_callers_settings_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    png(draw_curves(summary()))
    assert dict(matplotlib.rcParams) == before


def test_a_series_without_a_row_leaves_its_colour_to_nobody() -> None:
    table = pd.DataFrame({"n_superpixels_mean": [10.0, 20.0]})
    second, third = split_curves(table, ["b", "c"], names=["a", "b", "c"])
    assert (second.label, third.label) == ("b", "c")
    assert (second.color, third.color) == tuple(SERIES_COLORS[1:3])


def test_what_failed_everywhere_is_not_drawn() -> None:
    failed = summary(methods=("failed",))
    failed[[name for name in failed if name.endswith(("_mean", "_lo", "_hi"))]] = np.nan
    figure = draw_curves(pd.concat([failed, summary(methods=("slic", "spam"))]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png(figure)
    said = {text.get_text() for text in figure.findobj(Text)}
    assert "slic" in said
    assert "failed" not in said
