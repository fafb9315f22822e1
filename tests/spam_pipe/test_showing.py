"""What results look like on axes and in notebooks."""

import base64
import io
import re

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

import spam_pipe
from spam_pipe import Hierarchy, evaluate, plot

matplotlib.use("Agg")
CELLS = np.arange(20)[:, np.newaxis] // 10 * 3 + np.arange(30) // 10
GREY = np.full((20, 30, 3), 90, np.uint8)


BETWEEN = {((9.5, -0.5), (9.5, 19.5)), ((19.5, -0.5), (19.5, 19.5)), ((-0.5, 9.5), (29.5, 9.5))}
"""The sides between the cells: two down, one across."""


def borders(axes: Axes) -> set[tuple[tuple[float, ...], ...]]:
    """Return the lines of the upper layer."""
    shadow, lines = axes.collections
    assert len(shadow.get_segments()) == len(lines.get_segments())
    return {tuple(map(tuple, segment.tolist())) for segment in lines.get_segments()}


def test_borders_are_drawn_on_the_axes_that_are_given() -> None:
    axes = Figure().subplots(1, 2)
    assert plot(GREY, CELLS, axes[1]) is axes[1]
    assert len(axes[0].images) == 0
    (drawn,) = axes[1].images
    assert drawn.get_extent() == [-0.5, 29.5, 19.5, -0.5]
    assert np.array_equal(drawn.get_array(), GREY)
    assert borders(axes[1]) == BETWEEN
    assert len(axes[0].collections) == 0


def test_what_is_no_superpixel_has_no_border() -> None:
    around = {((9.5, -0.5), (9.5, 9.5)), ((-0.5, 9.5), (9.5, 9.5))}
    labels = np.where(CELLS == 0, -1, CELLS)
    left = borders(plot(GREY, labels, Figure().subplots()))
    # The longer lines of which these were parts end where the first cell does.
    assert left == {
        ((19.5, -0.5), (19.5, 19.5)),
        ((9.5, 9.5), (9.5, 19.5)),
        ((9.5, 9.5), (29.5, 9.5)),
    }
    assert not left & around
    assert borders(plot(GREY, CELLS + 1, Figure().subplots(), start_label=2)) == left


def test_axes_are_the_current_ones_by_default() -> None:
    from matplotlib import pyplot

    figure = pyplot.figure()
    assert plot(GREY[..., 0], CELLS, channel_axis=None) is figure.gca()
    pyplot.close(figure)


def test_labels_of_another_image_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(20, 30\), not int64 of shape \(3, 3\)"):
        plot(GREY, CELLS[:3, :3])
    with pytest.raises(ValueError, match="not float64"):
        plot(GREY, CELLS / 2)


def test_figures_explain_themselves_in_a_notebook() -> None:
    figures = evaluate(CELLS, ground_truth=CELLS)
    html = figures._repr_html_()
    assert html.count("<tr") == len(figures)
    assert re.search(r'title="Achievable [^"]+">.*?asa</th><td>1\.0000', html)
    assert ">n_superpixels</th><td>6<" in html
    assert ">explained_variation</th><td>–<" in html
    assert html.count('title=""') == 0


def test_a_hierarchy_shows_its_borders_in_a_notebook() -> None:
    made = Hierarchy(np.repeat([[0, 1, 2]], 8, axis=0), [3, 3, 4, 4, 4], [0, 0, 0, 1.0, 2.0])
    html = made._repr_html_()
    assert "Hierarchy of 3 superpixels of an image of 8 × 3 pixels" in html
    (uri,) = re.findall(r"base64,([^\"]+)", html)
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri))))
    assert picture.shape == (15, 5)
    assert np.array_equal(picture[0], [255, 127, 255, 0, 255])


def test_the_public_names_are_there() -> None:
    assert all(callable(getattr(spam_pipe, name)) for name in spam_pipe.__all__)
