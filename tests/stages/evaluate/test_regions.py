"""Label maps as runs grouped by region."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import label as connected

from spam_pipe.stages.evaluate.regions import components_of, painted, regions_of
from tests.stages.evaluate.label_maps import Labels, label_maps


@given(label_maps())
def test_painting_the_regions_gives_the_partition_back(labels: Labels) -> None:
    regions = regions_of(labels)
    names, first, numbers, counts = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first)
    expected = np.argsort(order)[numbers.ravel()]
    np.testing.assert_array_equal(painted(regions), expected)
    np.testing.assert_array_equal(regions.areas, counts[order])
    assert len(names) == regions.areas.size


@given(label_maps())
def test_components_are_those_of_eight_neighbours(labels: Labels) -> None:
    ours = painted(components_of(regions_of(labels)))
    theirs = connected(labels, connectivity=2, background=-1).ravel()
    pairs = np.unique(np.stack([ours, theirs]), axis=1)
    assert pairs.shape[1] == ours.max() + 1 == theirs.max()


def test_components_do_not_connect_across_the_frame() -> None:
    labels = np.array([[0, 0, 1], [1, 0, 0]])
    assert painted(components_of(regions_of(labels))).tolist() == [0, 0, 1, 2, 0, 0]


@given(label_maps(), st.sampled_from([np.uint8, np.uint16, np.uint32, np.int64, np.uint64]))
def test_type_and_memory_order_do_not_matter(labels: Labels, dtype: type) -> None:
    expected = painted(regions_of(labels))
    for same in (labels.astype(dtype), np.asfortranarray(labels), np.repeat(labels, 2, 1)[:, ::2]):
        np.testing.assert_array_equal(painted(regions_of(same)), expected)


def test_labels_may_be_far_apart() -> None:
    labels = np.array([[2**64 - 1, 7], [2**40, 7]], np.uint64)
    assert painted(regions_of(labels)).tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((0, 5), int), r"\(0, 5\)"),
        (np.zeros((2, 2, 2), int), r"\(2, 2, 2\)"),
        (np.array([[0, -3]]), r"negative, got -3 in the map of shape \(1, 2\)"),
        (np.zeros((2, 3)), r"integers, got float64 for shape \(2, 3\)"),
    ],
)
def test_what_is_no_label_map_is_refused(labels: Labels, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        regions_of(labels)
