"""Ridges of soft contour maps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.contours.ridges import ridges

ROWS, COLUMNS = np.indices((40, 50), np.float64)


def soft_line(angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance to a line through the middle, and a smooth ridge along it."""
    distance = np.abs((ROWS - 19.5) * np.cos(angle) - (COLUMNS - 24.5) * np.sin(angle))
    return distance, np.exp(-((distance / 3) ** 2))


@given(st.floats(0, np.pi))
def test_a_soft_line_keeps_its_crest_alone(angle: float) -> None:
    distance, probability = soft_line(angle)
    thin = ridges(probability)
    inner = np.s_[8:-8, 8:-8]
    crest = distance[inner] <= 0.5
    assert (distance[inner][thin[inner] > 0] <= 1).all()
    assert (thin[inner] > 0)[crest].mean() > 0.9


def test_values_on_ridges_are_kept() -> None:
    _, probability = soft_line(0.3)
    thin = ridges(probability)
    np.testing.assert_array_equal(thin[thin > 0], probability.astype(np.float32)[thin > 0])


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_images_of_one_row_or_column(shape: tuple[int, int]) -> None:
    assert ridges(np.full(shape, 0.5)).tolist() == np.full(shape, 0.5).tolist()
