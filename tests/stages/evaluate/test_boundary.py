"""Boundary recall, precision and contour density."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spam_pipe.stages.evaluate.boundary import (
    boundary_map,
    boundary_recall_precision,
    contour_density,
    dilated,
    tolerance_radius,
)
from tests.stages.evaluate.label_maps import Labels, label_maps, shapes


def compare(labels: Labels, truth: Labels, radius: int) -> tuple[float, float]:
    ours, theirs = boundary_map(labels), boundary_map(truth)
    return boundary_recall_precision(ours, dilated(ours, radius), theirs, dilated(theirs, radius))


def column_edge(width: int, column: int) -> Labels:
    """Return two regions that meet between `column` - 1 and `column`."""
    return np.tile(np.arange(width) >= column, (6, 1)).astype(np.int32)


def test_boundaries_are_two_pixels_thick_and_spare_the_frame() -> None:
    labels = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    expected = [[0, 0, 1, 1], [0, 1, 1, 1], [0, 1, 1, 0]]
    boundary = boundary_map(labels)
    assert boundary.astype(int).tolist() == expected
    assert contour_density(boundary) == 7 / 12


def test_diagonal_neighbours_make_no_boundary() -> None:
    labels = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1]])
    assert boundary_map(labels).astype(int).tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 1]]


@given(label_maps(), st.integers(0, 14))
def test_dilation_is_the_square_window_clipped_at_the_frame(labels: Labels, radius: int) -> None:
    boundary = boundary_map(labels)
    expected = np.zeros_like(boundary)
    for row, column in np.argwhere(boundary):
        expected[
            max(row - radius, 0) : row + radius + 1, max(column - radius, 0) : column + radius + 1
        ] = True
    np.testing.assert_array_equal(dilated(boundary, radius), expected)


@pytest.mark.parametrize(
    ("shape", "radius"), [((321, 481), 1), ((448, 608), 2), ((3, 4), 0), ((120, 160), 1)]
)
def test_radius_is_rounded(shape: tuple[int, int], radius: int) -> None:
    assert tolerance_radius(shape, 0.0025) == radius


def test_half_a_pixel_is_rounded_up() -> None:
    assert tolerance_radius((300, 400), 0.005) == 3  # 2.5


@pytest.mark.parametrize(
    ("shift", "radius", "recall", "precision"),
    [
        (0, 0, 1.0, 1.0),
        (1, 0, 0.5, 0.5),
        (1, 1, 1.0, 1.0),
        (2, 0, 0.0, 0.0),
        (2, 1, 0.5, 0.5),
        (3, 2, 0.5, 0.5),
        (3, 3, 1.0, 1.0),
    ],
)
def test_an_edge_that_is_moved_aside(
    shift: int, radius: int, recall: float, precision: float
) -> None:
    assert compare(column_edge(12, 5 + shift), column_edge(12, 5), radius) == (recall, precision)


def test_precision_counts_ground_truth_pixels_as_hits() -> None:
    # Three two-pixel lines against one: 12 hits, of 24 wrong pixels none within reach.
    labels = np.tile(np.repeat(np.arange(4), 4), (6, 1))
    truth = column_edge(16, 8)
    assert compare(labels, truth, 1) == (1.0, 12 / (12 + 24))


def test_without_boundaries_what_has_no_denominator_is_none() -> None:
    flat, edge = np.zeros((6, 12), np.int32), column_edge(12, 5)
    assert compare(flat, flat, 1) == (None, None)
    assert compare(flat, edge, 1) == (0.0, None)
    assert compare(edge, flat, 1) == (None, 0.0)


def test_labels_of_a_type_without_sign_are_compared_not_subtracted() -> None:
    labels = np.array([[0, 255]], np.uint8)
    assert boundary_map(labels).all()


@given(shapes.flatmap(lambda s: st.tuples(label_maps(s), label_maps(s))), st.integers(0, 3))
def test_figures_do_not_change_when_the_image_is_transposed(
    maps: tuple[NDArray[np.int32], NDArray[np.int32]], radius: int
) -> None:
    labels, truth = maps
    assert compare(labels, truth, radius) == compare(labels.T, truth.T, radius)
