"""Shape regularity, beside a slow transcription of its definition."""

import numpy as np
import pytest
from hypothesis import given
from scipy.spatial import ConvexHull, QhullError

from spam_pipe.stages.evaluate.chain_code import chain_code_perimeter
from spam_pipe.stages.evaluate.regions import components_of, painted, regions_of
from spam_pipe.stages.evaluate.shape_regularity import shape_regularity
from tests.stages.evaluate.label_maps import Labels, grid, label_maps


def hull_mask(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of a mask's box inside or on its hull, by half planes."""
    points = np.argwhere(mask)
    try:
        hull = ConvexHull(points)
    except QhullError:  # all on one line, which is connected here
        return mask
    offsets = np.moveaxis(np.indices(mask.shape), 0, -1) @ hull.equations[:, :2].T
    inside: np.ndarray = (offsets + hull.equations[:, 2] <= 1e-9).all(axis=-1)
    return inside


def length(mask: np.ndarray) -> float:
    return chain_code_perimeter(np.pad(mask, 1).astype(np.uint8))


def definition(labels: Labels) -> tuple[float, float]:
    total = total_giraud = 0.0
    for name in np.unique(labels):
        points = np.argwhere(labels == name)
        if len(points) == 1:
            total, total_giraud = total + 1, total_giraud + 1
            continue
        top, left = points.min(axis=0)
        bottom, right = points.max(axis=0)
        mask = (labels == name)[top : bottom + 1, left : right + 1]
        deviations = points.std(axis=0)
        weight = len(points) * np.sqrt(deviations.min() / deviations.max())
        hull = hull_mask(mask)
        total += weight * len(points) * length(hull) / (length(mask) * hull.sum())
        other = mask | ~hull
        total_giraud += weight * 0.925 * len(points) * length(other) / (length(mask) * other.sum())
    return total / labels.size, total_giraud / labels.size


@given(label_maps())
def test_figures_follow_the_definition(labels: Labels) -> None:
    components = components_of(regions_of(labels))
    numbers = painted(components).reshape(labels.shape)
    assert shape_regularity(components) == pytest.approx(definition(numbers), abs=1e-9)


def test_squares_are_perfectly_regular() -> None:
    assert shape_regularity(regions_of(grid(12, 20, 4))) == pytest.approx((1, 0.925), abs=1e-12)


def test_single_pixels_are_perfectly_regular_in_both_variants() -> None:
    assert shape_regularity(regions_of(grid(3, 5, 1))) == (1, 1)


def test_lines_have_no_balance() -> None:
    assert shape_regularity(regions_of(np.zeros((1, 9), np.int32))) == (0, 0)


def test_a_diagonal_line_is_its_own_hull_but_fills_its_box_in_the_c_program() -> None:
    diagonal, corner = np.eye(3), np.array([[1, 1], [0, 1]])
    labels = np.triu(np.ones((3, 3), np.int32), 1) + 2 * np.eye(3, dtype=np.int32)
    regions = regions_of(labels)
    assert regions.areas.tolist() == [3, 3, 3]
    # All three are balanced and convex; in the C program their boxes are filled instead.
    diagonal_ratio = 3 * length(np.ones((3, 3))) / (length(diagonal) * 9)
    corner_ratio = 3 * length(np.ones((2, 2))) / (length(corner) * 4)
    other_corner_ratio = 3 * length(np.ones((2, 2))) / (length(corner.T) * 4)
    giraud = 0.925 * (diagonal_ratio + corner_ratio + other_corner_ratio) / 3
    assert shape_regularity(regions) == pytest.approx((1, giraud), abs=1e-12)
