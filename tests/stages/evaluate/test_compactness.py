"""Compactness and the perimeters it rests on."""

import math

import numpy as np
import pytest
from hypothesis import given

from spam_pipe.stages.evaluate.compactness import compactness, perimeters
from spam_pipe.stages.evaluate.regions import painted, regions_of
from tests.stages.evaluate.label_maps import Labels, grid, label_maps


@given(label_maps())
def test_perimeters_count_the_sides_that_face_anything_else(labels: Labels) -> None:
    regions = regions_of(labels)
    numbers = np.pad(painted(regions).reshape(labels.shape), 1, constant_values=-1)
    inner = numbers[1:-1, 1:-1]
    sides = sum(
        (inner != np.roll(numbers, shift, axis)[1:-1, 1:-1]).astype(int)
        for axis in (0, 1)
        for shift in (-1, 1)
    )
    expected = np.bincount(inner.ravel(), sides.ravel())
    np.testing.assert_array_equal(perimeters(regions), expected)


def test_squares_reach_a_quarter_of_pi() -> None:
    assert compactness(regions_of(grid(12, 20, 4))) == pytest.approx(math.pi / 4, abs=1e-15)


def test_shapes_are_weighted_by_area() -> None:
    labels = np.array([[0, 0, 0, 0, 1]])
    expected = (4 * 4 * math.pi * 4 / 10**2 + 4 * math.pi / 4**2) / 5
    assert compactness(regions_of(labels)) == pytest.approx(expected, abs=1e-15)


@given(label_maps())
def test_transposing_keeps_compactness(labels: Labels) -> None:
    figure = compactness(regions_of(labels))
    assert compactness(regions_of(labels.T)) == pytest.approx(figure, abs=1e-12)
    assert 0 < figure <= math.pi / 4 + 1e-12
