import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spam_pipe.stages.evaluate.evaluate import evaluate
from spam_pipe.stages.methods.baselines.layouts import grid, grid_labels, grid_shape, voronoi
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.scene import Scene

GRAY = np.zeros((80, 120, 3), np.uint8)
SCENE = Scene(GRAY, GRAY.astype(np.float32))


@pytest.mark.parametrize(
    ("n", "shape"),
    [(1, (1, 1)), (25, (4, 6)), (100, (8, 12)), (400, (16, 25)), (1000, (26, 38))],
)
def test_rows_and_columns_of_a_bsd_image(n: int, shape: tuple[int, int]) -> None:
    assert grid_shape(321, 481, n) == shape


@given(height=st.integers(1, 60), width=st.integers(1, 60), share=st.floats(0, 1))
def test_a_grid_s_cells_all_have_pixels_and_equal_sides(
    height: int, width: int, share: float
) -> None:
    n = max(1, round(share * height * width))
    n_rows, n_columns = grid_shape(height, width, n)
    labels = grid_labels(height, width, n_rows, n_columns)
    areas = np.bincount(labels.ravel())
    assert areas.size == n_rows * n_columns
    assert areas.min() >= (height // n_rows) * (width // n_columns) > 0
    assert areas.max() <= -(-height // n_rows) * -(-width // n_columns)


@pytest.mark.parametrize("n", [1, 7, 100, 401])
def test_voronoi_makes_exactly_as_many_and_of_about_one_size(n: int) -> None:
    areas = np.bincount(voronoi(SCENE, n, SegmentConfig()).labels.ravel())
    assert areas.size == n
    assert areas.min() > 0.5 * 9600 / n


def test_both_are_as_regular_as_can_be() -> None:
    config = SegmentConfig()
    regularity = {
        method.__name__: evaluate(method(SCENE, 96, config).labels)["gr"]
        for method in (voronoi, grid)
    }
    assert regularity == pytest.approx({"voronoi": 0.81, "grid": 1.0}, abs=0.005)


def test_a_number_that_no_grid_has_is_noted() -> None:
    made = grid(SCENE, 7, SegmentConfig())
    assert made.labels.max() + 1 == 8
    assert made.attributes["note"] == "8 superpixels where 7 were asked for: 2 rows of 4"
