"""Figures over a sweep's axis, of seconds, of images one by one, and the plate of pictures."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from spam_pipe.stages.report.axis_curves import axis_table, draw_axis, numeric_axes
from spam_pipe.stages.report.comparisons import image_differences
from spam_pipe.stages.report.curves import save_figure
from spam_pipe.stages.report.drawing import BOUNDARY_COLOR
from spam_pipe.stages.report.paper.plate import CELL_WIDTH, PlateCell, PlateRow, draw_plate
from spam_pipe.stages.report.paper.scatter import draw_scatter
from spam_pipe.stages.report.paper.seconds_curves import (
    SECONDS_COLUMNS,
    draw_seconds,
    seconds_table,
)
from spam_pipe.stages.report.series import MethodKey
from spam_pipe.stages.report.tables import summary_table
from tests.stages.report.comparison_cases import OURS, THEIRS, metrics_of, two_methods

POINTS = {
    f"s={value:g}, {prior}": {"s": value, "prior": prior}
    for value in (1.0, 10.0)
    for prior in ("none", "contour")
}


def swept() -> object:
    def measures(accuracy: float) -> object:
        return lambda image, count: {"asa": accuracy + 0.001 * image, "gr": 1 - accuracy}

    keys = {MethodKey("spam", "p", label): i for i, label in enumerate(POINTS)}
    methods = {key: measures(0.90 + 0.01 * i) for key, i in keys.items()}
    return summary_table(metrics_of(methods, n_images=3))  # type: ignore[arg-type]


def lines_of(figure: Figure, panel: int) -> dict[str, tuple[list[float], list[float]]]:
    axes = figure.axes[panel]
    return {
        str(line.get_color()): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.lines
    }


def test_axes_with_two_numbers_can_be_drawn() -> None:
    assert numeric_axes(POINTS) == ["s"]
    assert numeric_axes({"a": {"s": 1.0}, "b": {"s": 1.0}}) == []
    assert numeric_axes({"a": {"s": 1.0}, "b": {"s": "none"}, "c": {}}) == []


def test_rows_get_their_place_and_what_the_other_axes_say() -> None:
    rows = axis_table(swept(), {**POINTS, "alone": {}}, "s")  # type: ignore[arg-type]
    assert len(rows) == 8
    found = set(zip(rows["config"], rows["value_mean"], rows["series"], strict=True))
    assert ("s=10, none", 10.0, "none") in found
    assert ("s=1, contour", 1.0, "contour") in found


def test_a_panel_per_measure_and_count_a_line_per_series() -> None:
    figure = draw_axis(swept(), POINTS, "s")  # type: ignore[arg-type]
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [
        "Accuracy (ASA), K = 100",
        "Accuracy (ASA), K = 400",
        "Regularity (GR), K = 100",
        "Regularity (GR), K = 400",
    ]
    drawn = sorted(lines_of(figure, 0).values())
    assert [x for x, _ in drawn] == [[1.0, 10.0], [1.0, 10.0]]
    assert [y for _, y in drawn] == [
        pytest.approx([0.901, 0.921]),
        pytest.approx([0.911, 0.931]),
    ]


def test_figures_are_the_same_bytes_each_time() -> None:
    for form in ("png", "svg", "pdf"):
        contents = []
        for _ in range(2):
            content = io.BytesIO()
            save_figure(draw_axis(swept(), POINTS, "s"), content, form)  # type: ignore[arg-type]
            contents.append(content.getvalue())
        assert contents[0] == contents[1]


def seconds() -> list[dict[str, object]]:
    return [
        {"label": label, "stage": stage, "n_requested": count, "seconds": base * (1 + image)}
        for label, base in (("ours", 0.1), ("theirs", 0.2))
        for image in range(3)
        for stage, count in (("prior", None), ("segment", 100), ("segment", 400))
    ]


def test_seconds_are_medians_over_images() -> None:
    table = seconds_table(seconds())
    assert tuple(table.columns) == SECONDS_COLUMNS
    own = table[(table["label"] == "theirs") & (table["stage"] == "segment")]
    assert own["n_requested"].tolist() == [100, 400]
    assert own["median"].tolist() == pytest.approx([0.4, 0.4])
    assert own["lower"].tolist() == pytest.approx([0.3, 0.3])
    assert own["n_images"].tolist() == [3, 3]
    assert table["n_requested"].isna().sum() == 2


def test_a_stage_once_an_image_is_a_level() -> None:
    figure = draw_seconds(seconds_table(seconds()))
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Prior, seconds",
        "Segment, seconds",
    ]
    levels = sorted(y[0] for _, y in lines_of(figure, 0).values())
    assert levels == pytest.approx([0.2, 0.4])
    assert sorted(lines_of(figure, 1).values())[0][0] == [100, 400]


def test_the_scatter_names_the_ends() -> None:
    differences = image_differences(two_methods(n_images=8), OURS, THEIRS, 100)
    figure = draw_scatter(differences, ("ours", "theirs"))
    named = {text.get_text() for text in figure.axes[0].texts}
    assert named == set(differences["image"].iloc[[0, 1, 2, 5, 6, 7]])
    assert figure.axes[0].get_ylabel() == "Accuracy (ASA), ours"


def row(name: str = "a", height: int = 20) -> PlateRow:
    image = np.full((height, 40, 3), 90, np.uint8)
    halves = np.zeros((height, 40), np.int32)
    halves[:, 20:] = 1
    image[:, 20:] = 200
    return PlateRow(name, image, [PlateCell(halves, "n = 2"), None])


def test_the_plate_shows_borders_above_mean_colours() -> None:
    plate = np.asarray(draw_plate([row(), row("b", 30)], ["one", "two"], "title"))
    borders = (plate == BOUNDARY_COLOR).all(axis=2)
    rows = np.flatnonzero(borders.any(axis=1))
    assert len(rows) == (20 + 30) * CELL_WIDTH // 40
    left = 28 + CELL_WIDTH + 8
    middle = np.flatnonzero(borders.any(axis=0))
    assert middle.min() >= left + CELL_WIDTH // 2 - 2
    below = plate[rows[0] + 20 * CELL_WIDTH // 40 + 20]
    assert below[left + 30].tolist() == [90, 90, 90]
    assert below[left + CELL_WIDTH - 30].tolist() == [200, 200, 200]
    assert below[left + CELL_WIDTH + 8 + 100].tolist() == [255, 255, 255]


def test_a_plate_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="one image at least"):
        draw_plate([], ["one"])
    with pytest.raises(ValueError, match="a: 2 cells for 1 methods"):
        draw_plate([row()], ["one"])
