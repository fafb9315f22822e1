import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from spam_pipe.stages.regions.connectivity import connected_components, region_owners
from spam_pipe.stages.segment.large.scale import (
    enlarge_labels,
    reduce_bands,
    reduce_image,
    reduce_map,
    reduction_for,
    settle,
)


@pytest.mark.parametrize(
    ("n_pixels", "count", "factor"),
    [(4_000_000, 2500, 1), (4_000_000, 626, 1), (4_000_000, 625, 2), (10**8, 100, 25)],
)
def test_superpixels_shrink_to_no_less_than_40_pixels(
    n_pixels: int, count: int, factor: int
) -> None:
    assert reduction_for(n_pixels, count) == factor


def test_more_superpixels_than_pixels_ask_for_no_reduction() -> None:
    assert reduction_for(10, 100) == 1


@pytest.mark.parametrize("factor", [2, 3, 7])
def test_a_reduced_image_holds_the_means_of_squares(factor: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (600, 23, 3)).astype(np.uint8)
    reduced = reduce_image(image, factor)
    assert reduced.shape == (-(-600 // factor), -(-23 // factor), 3)
    whole = image[: 600 // factor * factor, : 23 // factor * factor].astype(float)
    squares = whole.reshape(600 // factor, factor, 23 // factor, factor, 3).mean((1, 3))
    assert (
        np.abs(reduced[: 600 // factor, : 23 // factor] - squares).max() < 0.6
    )  # Pillow rounds a little off
    # At the frame, the mean of what is left of a square.
    last = image[:factor, 23 // factor * factor :].reshape(-1, 3)
    if last.size:
        assert np.abs(reduced[0, -1] - last.mean(0)).max() < 0.6  # Pillow rounds a little off
    assert reduce_image(image, 1) is image


def test_a_reduced_map_takes_the_middle_of_squares() -> None:
    values = np.arange(35).reshape(5, 7)
    assert reduce_map(values, 3).tolist() == [[8, 11, 13], [29, 32, 34]]


def test_borders_come_back_to_where_the_colours_change() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    rows, columns = np.indices((40, 40))
    right = columns + rows // 3 > 22
    image[right] = (200, 180, 40)
    reduced = reduce_image(image, 4)
    labels = (reduced[..., 0] > 100).astype(np.int32)
    owners = np.zeros(2, np.int32)
    whole = enlarge_labels(labels, reduced, image, 4, owners=owners)
    assert np.array_equal(whole, right.astype(np.int32))


def test_without_colours_a_border_is_smooth_and_where_it_was() -> None:
    image = np.full((64, 64, 3), 90, np.uint8)
    rows, columns = np.indices((16, 16))
    labels = (rows + columns > 15).astype(np.int32)
    whole = enlarge_labels(labels, reduce_image(image, 4), image, 4, owners=np.zeros(2, np.int32))
    rows, columns = np.indices((64, 64))
    wrong = whole != (rows + columns > 65)
    assert not wrong[np.abs(rows + columns - 65.5) > 2].any()


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 5]))
@settings(max_examples=60)
def test_enlarged_superpixels_are_connected_and_inside_of_given_objects(
    seed: int, factor: int
) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(4, 60, 2)
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    noise = ndimage.gaussian_filter(rng.random((height, width)), rng.choice([1, 4]))
    objects = np.digitize(noise, np.quantile(noise, [0.2, 0.6])).astype(np.int32)
    valid = rng.random((height, width)) < rng.choice([0.8, 1])
    valid[0, 0] = True
    reduced, small, inside = (
        reduce_image(image, factor),
        reduce_map(objects, factor),
        reduce_map(valid, factor),
    )
    cells = np.indices(small.shape) // 3
    labels, n = connected_components(
        np.where(inside, 3 * (100 * cells[0] + cells[1]) + small, -1).astype(np.int32)
    )
    owners = np.zeros(n, np.int32)
    owners[labels[inside]] = small[inside]
    whole = enlarge_labels(
        labels, reduced, image, factor, owners=owners, objects=objects, valid=valid
    )
    assert np.array_equal(whole >= 0, valid)
    settled, source = settle(whole, n, objects, minimum_area=4)
    owned = region_owners(settled, source.size, objects)
    assert np.array_equal(settled >= 0, valid)
    assert np.array_equal(np.unique(settled[valid]), np.arange(owned.size))
    certain = valid & (objects > 0)
    assert np.array_equal(owned[settled[certain]], objects[certain])
    for label in range(owned.size):
        assert ndimage.label(settled == label)[1] == 1


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 5]))
@settings(max_examples=60)
def test_without_given_objects_the_number_of_superpixels_stays(seed: int, factor: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(20, 60, 2)
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    reduced = reduce_image(image, factor)
    cells = np.indices(reduced.shape[:2]) // 4
    labels, n = connected_components((100 * cells[0] + cells[1]).astype(np.int32))
    owners = np.arange(1, n + 1, dtype=np.int32)
    whole = enlarge_labels(labels, reduced, image, factor, owners=owners)
    settled, source = settle(whole, n)
    assert np.array_equal(np.sort(source), np.unique(whole))
    for label in range(source.size):
        assert ndimage.label(settled == label)[1] == 1


def test_pixels_far_from_any_superpixel_become_one_of_their_own() -> None:
    image = np.zeros((9, 30, 3), np.uint8)
    labels = np.full((3, 10), -1, np.int32)
    labels[:, :2] = 0
    valid = np.ones((9, 30), bool)
    valid[:, 12:20] = False
    whole = enlarge_labels(
        labels, reduce_image(image, 3), image, 3, owners=np.ones(1, np.int32), valid=valid
    )
    settled, source = settle(whole, 1)
    assert source.tolist() == [0, 1]
    assert (settled[:, :12] == 0).all()  # what lies between joins its neighbour
    assert (settled[:, 20:] == 1).all()
    assert (settled[:, 12:20] == -1).all()


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_components_are_averaged_as_the_image_is(factor: int) -> None:
    values = np.random.default_rng(0).integers(0, 256, (11, 14, 3), np.uint8)
    made = reduce_bands(values.astype(np.float32), factor)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, reduce_image(values, factor), atol=0.7)  # it rounds
