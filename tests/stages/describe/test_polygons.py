"""Polygons cover the pixels, share their borders and keep their holes."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.describe.graph import graph
from spam_pipe.stages.describe.polygons import moved, polygons
from tests.stages.describe.describe_label_maps import label_maps, present


@settings(max_examples=150)
@given(label_maps())
def test_polygons_are_exactly_the_pixels(labels: np.ndarray) -> None:
    outlines = polygons(labels)
    assert shapely.is_valid(outlines).all()
    assert shapely.coverage_is_valid(outlines)
    areas = [np.count_nonzero(labels == label) for label in present(labels)]
    assert shapely.area(outlines).tolist() == areas
    rows, columns = np.indices(labels.shape)
    centers = shapely.points(columns + 0.5, rows + 0.5)
    for label, outline in zip(present(labels), outlines, strict=True):
        np.testing.assert_array_equal(shapely.contains(outline, centers), labels == label)
    assert shapely.is_ccw(shapely.get_exterior_ring(shapely.get_parts(outlines))).all()


@settings(max_examples=60)
@given(label_maps(lowest=0))
def test_together_they_are_the_image(labels: np.ndarray) -> None:
    whole = shapely.coverage_union_all(polygons(labels))
    assert whole.equals(shapely.box(0, 0, labels.shape[1], labels.shape[0]))


@settings(max_examples=60)
@given(label_maps())
def test_polygons_with_a_common_border_are_the_graphs_neighbours(labels: np.ndarray) -> None:
    outlines, names = polygons(labels), present(labels)
    found = {}
    for i, one in enumerate(outlines):
        for j in range(i + 1, len(outlines)):
            length = shapely.length(shapely.intersection(one, outlines[j]))
            if length:
                found[names[i], names[j]] = length
    edges = graph(labels)
    pairs = zip(edges["source"], edges["target"], strict=True)
    assert found == dict(zip(pairs, edges["border_length"], strict=True))


def test_a_hole_is_kept_and_filled_by_its_neighbour() -> None:
    labels = np.zeros((5, 6), int)
    labels[1:3, 2:4] = 1
    ring, inner = polygons(labels)
    assert len(ring.interiors) == 1
    assert shapely.Polygon(ring.interiors[0]).equals(inner)
    assert ring.area == 26


def test_parts_that_touch_at_a_corner_are_parts() -> None:
    one, two = polygons(np.array([[0, 1], [1, 0]]))
    for outline in (one, two):
        assert outline.geom_type == "MultiPolygon"
        assert [part.area for part in outline.geoms] == [1, 1]


def test_holes_that_touch_at_a_corner_are_two() -> None:
    labels = np.zeros((4, 4), int)
    labels[1, 1] = labels[2, 2] = 1
    around, _ = polygons(labels)
    assert around.is_valid
    assert sorted(shapely.Polygon(hole).area for hole in around.interiors) == [1, 1]


def test_a_hole_may_touch_the_outside_at_a_corner() -> None:
    labels = np.zeros((3, 3), int)
    labels[1, 1] = labels[2, 2] = 1
    around, _ = polygons(labels)
    assert around.geom_type == "Polygon"
    assert around.is_valid
    assert len(around.interiors) == 1


def test_corners_stand_only_where_borders_turn_or_meet() -> None:
    labels = np.zeros((20, 30), int)
    labels[:, 10:] = 1
    labels[10:, 10:] = 2
    assert [len(outline.exterior.coords) - 1 for outline in polygons(labels)] == [5, 4, 4]


def staircase(size: int) -> np.ndarray:
    """Three regions with stepped borders."""
    rows, columns = np.indices((size, size))
    return np.where(columns > rows, 0, np.where(columns > rows - size // 3, 1, 2))


@settings(max_examples=25)
@given(label_maps(), st.floats(0.5, 8))
def test_simplified_polygons_still_share_their_borders(labels: np.ndarray, detail: float) -> None:
    exact, simple = polygons(labels), polygons(labels, simplify=detail)
    assert shapely.coverage_is_valid(simple)
    assert shapely.area(simple).sum() == pytest.approx(shapely.area(exact).sum())
    assert shapely.coverage_union_all(simple).equals(shapely.coverage_union_all(exact))


def test_simplification_removes_steps() -> None:
    exact, simple = polygons(staircase(30)), polygons(staircase(30), simplify=2)
    n_exact, n_simple = (shapely.get_num_coordinates(found).sum() for found in (exact, simple))
    assert n_simple < n_exact / 4
    assert shapely.coverage_is_valid(simple)


def test_an_impossible_tolerance_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0, not -1"):
        polygons(np.zeros((2, 2), int), simplify=-1)


def test_polygons_are_moved_to_the_ground() -> None:
    (outline,) = moved(polygons(np.zeros((2, 3), int)), (10, 0, 500, 0, -10, 900))
    assert outline.bounds == (500, 880, 530, 900)
    assert outline.exterior.is_ccw
    assert outline.area == 600


def test_superpixels_of_a_picture_as_large_as_its_pixels() -> None:
    labels = np.arange(60).reshape(6, 10).astype(np.uint16)
    assert shapely.area(polygons(labels)).tolist() == [1] * 60
