"""Objects of masks (METHOD.md, section 5): by hand, against a slow reference, invariants."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, binary_erosion, label

from spam_pipe.stages.prior.aggregate import aggregate, opened_pixels, painting_order, renumbered
from spam_pipe.stages.propose.run_lengths import RunLengths


def reference(stack, minimum_area, side=5):
    """Aggregate mask by mask, as the text says it."""
    square = np.ones((side, side), bool)

    def opened(mask):
        return binary_dilation(binary_erosion(mask, square, border_value=1), square)

    area = stack.sum(axis=(1, 2))
    top = np.zeros(stack.shape[1:], int)
    for index in sorted(range(len(stack)), key=lambda i: (-area[i], i)):
        if area[index] > minimum_area:
            top[stack[index]] = index + 1
    objects = np.zeros(top.shape, int)

    def add(mask):
        components, n = label(mask)
        for component in range(1, n + 1):
            if (components == component).sum() > minimum_area:
                objects[components == component] = objects.max() + 1

    for region in range(len(stack) + 1):
        add(opened(top == region))
    add(opened(objects == 0))
    return objects


def same_partition(a, b):
    """Whether two maps have the same objects, whatever their numbers, and the same zeros."""
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[
        1
    ] and np.array_equal(a == 0, b == 0)


@st.composite
def proposals(draw):
    """Rectangles and noise on images of 1×1 to 24×24."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = (int(side) for side in rng.integers(1, 25, 2))
    stack = np.zeros((draw(st.integers(1, 6)), height, width), bool)
    for mask in stack:
        top, bottom = np.sort(rng.integers(0, height + 1, 2))
        left, right = np.sort(rng.integers(0, width + 1, 2))
        mask[top:bottom, left:right] = True
        mask ^= rng.random(mask.shape) < rng.choice([0, 0.01, 0.1])
    return stack


@settings(max_examples=200)
@given(proposals(), st.sampled_from([None, 0, 3, 20]), st.sampled_from([1, 3, 5]))
def test_it_equals_the_slow_reference(stack, minimum_area, side):
    found = aggregate(RunLengths.from_masks(stack), minimum_area, side)
    area = math.sqrt(stack[0].size) / 4 if minimum_area is None else minimum_area
    assert same_partition(found, reference(stack, area, side))


@settings(max_examples=100)
@given(proposals(), st.sampled_from([0, 3, 20]))
def test_what_objects_are(stack, minimum_area):
    objects = aggregate(RunLengths.from_masks(stack), minimum_area)
    n = int(objects.max())
    ids, first, area = np.unique(objects[objects > 0], return_index=True, return_counts=True)
    assert objects.shape == stack.shape[1:]
    assert np.array_equal(ids, np.arange(1, n + 1))
    assert (np.diff(first) > 0).all()
    assert (area > minimum_area).all()
    assert all(label(objects == each)[1] == 1 for each in ids)
    uncertain = objects == 0
    if uncertain.any():
        left = uncertain & opened_pixels(uncertain.astype(np.int32), 5)
        components, _ = label(left)
        assert (np.bincount(components.ravel())[1:] <= minimum_area).all()


@settings(max_examples=60)
@given(proposals(), st.integers(0, 5))
def test_no_object_crosses_a_mask_that_is_on_top(stack, seed):
    masks = RunLengths.from_masks(stack)
    objects = aggregate(masks, 0)
    top = masks.paint(painting_order(masks, 0))
    # Objects of the second opening may: they are what the masks' own opening removed.
    kept = opened_pixels(top, 5)
    pairs = np.unique(np.stack([objects[kept], top[kept]]), axis=1)
    assert (np.bincount(pairs[0])[1:] <= 1).all()


def boxes(shape, *corners):
    stack = np.zeros((len(corners), *shape), bool)
    for mask, (top, bottom, left, right) in zip(stack, corners, strict=True):
        mask[top:bottom, left:right] = True
    return RunLengths.from_masks(stack)


def test_the_smallest_mask_is_on_top_whatever_its_place():
    for order in [(0, 1), (1, 0)]:
        corners = [(0, 20, 0, 20), (5, 15, 5, 15)]
        objects = aggregate(boxes((30, 30), *[corners[i] for i in order]))
        assert len(np.unique(objects[5:15, 5:15])) == 1
        assert objects.max() == 3
        assert objects[0, 0] == 1
        assert objects[10, 10] == 3
        assert objects[29, 29] == 2


def test_of_equal_masks_the_later_wins():
    objects = aggregate(boxes((10, 30), (0, 10, 0, 20), (0, 10, 10, 30)))
    assert objects.tolist() == np.repeat([[1] * 10 + [2] * 20], 10, axis=0).tolist()


def test_a_mask_of_the_minimum_area_is_dropped():
    # √900 / 4 = 7.5 pixels; 25 pixels are enough by default but not with 25 as the limit.
    masks = boxes((30, 30), (10, 15, 10, 15))
    assert aggregate(masks).max() == 2
    assert aggregate(masks, minimum_area=24.9).max() == 2
    assert aggregate(masks, minimum_area=25).max() == 1
    assert (aggregate(masks, minimum_area=25) == 1).all()


def test_what_the_opening_removes_is_uncertain():
    # A square with a tail of width 4: the tail is too thin for the 5 × 5 square.
    masks = RunLengths.from_masks(
        boxes((30, 30), (10, 20, 5, 12), (13, 17, 12, 24)).paint([0, 1])[None] > 0
    )
    objects = aggregate(masks, minimum_area=60)
    assert objects[15, 6] == 2
    assert (objects[13:17, 12:24] == 0).all()
    assert objects[0, 0] == 1
    assert (objects == 0).sum() == 4 * 12


def test_strips_at_the_frame_stay():
    # Three rows at the top: with the outside as inside, the square fits around the first row.
    objects = aggregate(boxes((20, 40), (0, 3, 0, 40)))
    assert (objects[:3] == 1).all()
    assert (objects[3:] == 2).all()


def test_nobodys_area_that_two_openings_find():
    # Two bars of width 4 side by side, each too thin, together wide enough: nobody's region.
    objects = aggregate(boxes((40, 40), (0, 40, 10, 14), (0, 40, 14, 18)))
    assert (objects[:, :10] == 1).all()
    assert (objects[:, 10:18] == 2).all()
    assert (objects[:, 18:] == 3).all()


def test_a_mask_in_pieces_becomes_several_objects():
    two = boxes((20, 40), (5, 15, 5, 15), (5, 15, 25, 35)).paint([0, 1]) > 0
    assert aggregate(RunLengths.from_masks(two[None])).max() == 3


def test_no_masks_leave_one_object():
    assert (aggregate(RunLengths.empty((3, 4))) == 1).all()


def test_a_minimum_area_beyond_the_image_leaves_nothing():
    assert (aggregate(boxes((10, 10), (0, 10, 0, 5)), minimum_area=100) == 0).all()


def test_five_thousand_overlapping_masks():
    rng = np.random.default_rng(0)
    corner, side = rng.integers(0, 60, (5000, 2)), rng.integers(6, 40, (5000, 2))
    stack = np.zeros((5000, 100, 100), bool)
    for mask, (top, left), (height, width) in zip(stack, corner, side, strict=True):
        mask[top : top + height, left : left + width] = True
    objects = aggregate(RunLengths.from_masks(stack))
    assert objects.max() >= 2
    assert np.bincount(objects.ravel())[1:].min() > 25


def test_an_even_square_is_refused():
    with pytest.raises(ValueError, match="odd, not 4"):
        opened_pixels(np.ones((3, 3), np.int32), 4)


def test_numbers_follow_the_reading_order():
    assert renumbered(np.array([[9, 0, 4], [4, 7, 0]])).tolist() == [[1, 0, 2], [2, 3, 0]]
    assert renumbered(np.array([[3, 3], [2, 3]])).tolist() == [[1, 1], [2, 1]]
