"""Overlays hold what they claim: boundaries where labels change, exact means, hatched doubt."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import deltaE_ciede2000, rgb2lab

from spam_pipe.stages.report.drawing import (
    BOUNDARY_COLOR,
    boundary_lines,
    color_objects,
    distinct_colors,
    draw_boundaries,
    mean_colors,
)

shapes = st.tuples(st.integers(1, 8), st.integers(1, 8))
label_maps = arrays(np.int32, shapes, elements=st.integers(0, 3))


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


@given(label_maps)
def test_boundaries_lie_where_the_next_label_differs(labels: np.ndarray) -> None:
    lines = boundary_lines(labels)
    height, width = labels.shape
    for y, x in np.ndindex(labels.shape):
        right = x + 1 < width and labels[y, x + 1] != labels[y, x]
        below = y + 1 < height and labels[y + 1, x] != labels[y, x]
        assert lines[y, x] == (right or below)


@given(label_maps)
def test_what_is_no_superpixel_has_no_boundary(labels: np.ndarray) -> None:
    lines = boundary_lines(labels, start_label=1)
    height, width = labels.shape
    for y, x in np.ndindex(labels.shape):
        beside = [labels[y, x + 1]] if x + 1 < width else []
        beside += [labels[y + 1, x]] if y + 1 < height else []
        assert lines[y, x] == any(
            labels[y, x] != other and labels[y, x] * other for other in beside
        )
    drawn = draw_boundaries(noise(labels.shape), labels, (1, 2, 3), start_label=1)
    assert (drawn[lines] == (1, 2, 3)).all()


@given(label_maps)
def test_drawn_boundaries_have_their_colour_and_nothing_else_but_the_shadow_changes(
    labels: np.ndarray,
) -> None:
    image = noise(labels.shape)
    before = image.copy()
    lines = boundary_lines(labels)
    drawn = draw_boundaries(image, labels, (1, 2, 3), shadow=0.5)
    assert (drawn[lines] == (1, 2, 3)).all()
    padded = np.pad(lines, 1)
    beside = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    np.testing.assert_array_equal(drawn[~lines & ~beside], image[~lines & ~beside])
    shaded = drawn[beside & ~lines].astype(float)
    assert (np.abs(shaded - image[beside & ~lines] / 2) <= 0.5).all()
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("ground", [0, 128, 255])
def test_boundaries_stand_out_on_any_ground(ground: int) -> None:
    image = np.full((9, 9, 3), ground, np.uint8)
    labels = (np.arange(9) > 3).astype(np.int32) * np.ones((9, 1), np.int32)
    drawn = draw_boundaries(image, labels)
    line = rgb2lab(drawn[4, 3] / 255)
    others = [rgb2lab(drawn[4, x] / 255) for x in (1, 2)]
    assert tuple(drawn[4, 3]) == BOUNDARY_COLOR
    assert max(abs(line[0] - other[0]) for other in others) > 35


@settings(max_examples=60, deadline=None)
@given(label_maps)
def test_mean_colours_are_exact(labels: np.ndarray) -> None:
    image = noise(labels.shape, 1)
    painted = mean_colors(image, labels)
    for label in np.unique(labels):
        mask = labels == label
        expected = np.rint(image[mask].astype(np.float64).mean(axis=0))
        assert (painted[mask] == expected).all()


def test_one_superpixel_per_pixel_is_the_picture_itself() -> None:
    image = noise((5, 7))
    np.testing.assert_array_equal(mean_colors(image, np.arange(35).reshape(5, 7)), image)


def test_objects_get_their_colour_and_uncertain_pixels_dark_stripes() -> None:
    image = np.full((40, 40, 3), 128, np.uint8)
    objects = np.zeros((40, 40), np.uint16)
    objects[:, :15], objects[:, 25:] = 1, 2
    drawn = color_objects(image, objects, opacity=1.0)
    first, second = distinct_colors(2)
    assert (drawn[:, :15] == first).all()
    assert (drawn[:, 25:] == second).all()
    doubt = drawn[:, 15:25]
    assert set(np.unique(doubt)) == {round(128 * 0.18), round(128 * 0.62)}
    np.testing.assert_array_equal(doubt[:, :, 0], doubt[:, :, 2])


def test_objects_that_meet_are_outlined_in_white() -> None:
    objects = np.repeat([[1, 1, 2, 2]], 4, axis=0)
    drawn = color_objects(np.zeros((4, 4, 3), np.uint8), objects)
    assert (drawn[:, 1] == 255).all()
    assert (drawn[:, [0, 2, 3]] < 255).any(axis=2).all()


def test_only_uncertain_pixels_are_all_hatched() -> None:
    drawn = color_objects(np.full((6, 6, 3), 200, np.uint8), np.zeros((6, 6), np.uint16))
    assert len(np.unique(drawn)) == 2


def test_colours_are_stable_and_neighbours_in_number_unlike() -> None:
    colors = distinct_colors(60)
    np.testing.assert_array_equal(distinct_colors(7), colors[:7])
    assert distinct_colors(0).shape == (0, 3)
    lab = rgb2lab(colors[np.newaxis] / 255)[0]
    assert deltaE_ciede2000(lab[1:], lab[:-1]).min() > 25
    assert len(np.unique(colors, axis=0)) == 60


@pytest.mark.parametrize("draw", [draw_boundaries, mean_colors, color_objects])
@pytest.mark.parametrize(
    ("image", "labels", "said"),
    [
        (np.zeros((2, 3, 3), np.uint8), np.zeros((3, 2), int), r"\(3, 2\).*\(2, 3\)"),
        (np.zeros((2, 3), np.uint8), np.zeros((2, 3), int), r"\(H, W, 3\) uint8"),
        (np.zeros((2, 3, 3)), np.zeros((2, 3), int), "float64"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros((2, 3)), "integers, not float64"),
        (np.zeros((2, 3, 3), np.uint8), np.full((2, 3), -1), "negative"),
        (np.zeros((0, 3, 3), np.uint8), np.zeros((0, 3), int), "empty"),
    ],
)
def test_what_does_not_fit_is_refused(
    draw: object, image: np.ndarray, labels: np.ndarray, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        draw(image, labels)  # type: ignore[operator]
