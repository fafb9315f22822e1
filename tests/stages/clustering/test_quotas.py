"""Each object has as many superpixels as its share says, where a density is set."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from spam_pipe.stages.clustering.exact_count import merge_to_quotas, split_to_quotas
from spam_pipe.stages.clustering.seeds import share_seeds
from spam_pipe.stages.clustering.spam import spam
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.regions.connectivity import region_owners
from tests.stages.clustering.segment_strategies import lab_image


def rectangles(rng: np.random.Generator, height: int, width: int) -> NDArray[np.int32]:
    """Objects of one piece each, next to one another."""
    rows = np.sort(rng.integers(0, height, 3))
    columns = np.sort(rng.integers(0, width, 2))
    grid = np.searchsorted(rows, np.arange(height), "right")[:, None] * 3
    grid = grid + np.searchsorted(columns, np.arange(width), "right")
    return (np.unique(grid, return_inverse=True)[1] + 1).reshape(grid.shape).astype(np.int32)


def count_by_object(labels: NDArray[np.integer], objects: NDArray[np.integer]) -> list[int]:
    return [np.unique(labels[objects == i]).size for i in range(1, int(objects.max()) + 1)]


@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 1.5]), st.integers(12, 90))
@settings(max_examples=60, deadline=None)
def test_shares_are_kept_exactly(seed: int, over_seeding: float, count: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(12, 40, 2)
    objects = rectangles(rng, height, width)
    areas = np.bincount(objects.ravel())[1:]
    density = rng.uniform(0.2, 5, areas.size)
    labels = spam(
        lab_image(rng, height, width),
        count,
        objects=objects,
        density=density,
        config=SegmentConfig(over_seeding=over_seeding),
    )
    wanted = share_seeds(areas, min(count, objects.size), density)
    assert count_by_object(labels, objects) == wanted.tolist()
    assert labels.max() + 1 == wanted.sum()


def test_thin_uncertain_lines_change_no_share() -> None:
    objects = np.ones((60, 90), np.int32)
    objects[:, 45:] = 2
    objects[:, 43:47] = 0
    lab = lab_image(np.random.default_rng(3), 60, 90)
    labels = spam(lab, 60, objects=objects, density=np.array([2.0, 1.0]))
    assert count_by_object(labels, objects) == [40, 20]
    assert labels.max() == 59


def test_an_object_of_more_pieces_than_its_share_keeps_them_and_others_yield() -> None:
    objects = np.ones((20, 60), np.int32)
    objects[2:18, 2::6] = 2  # ten pieces of 16 pixels
    labels = spam(
        np.zeros((20, 60, 3), np.float32), 16, objects=objects, density=np.array([1.0, 0.1])
    )
    assert count_by_object(labels, objects) == [6, 10]


def test_merging_takes_the_most_alike_of_each_object_and_all_that_is_uncertain() -> None:
    regions = np.arange(8, dtype=np.int32)[None]
    owners = np.int32([1, 1, 1, 0, 2, 2, 2, 2])
    features = np.float32([0, 5, 6, 7, 20, 21, 30, 39])[:, None]
    merged, n = merge_to_quotas(regions, 8, np.array([2, 4]), features, owners)
    assert merged.tolist() == [[0, 1, 1, 1, 2, 3, 4, 5]]
    assert n == 6


def test_splitting_takes_the_largest_of_each_object() -> None:
    regions = np.int32([[0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2]])
    split, n = split_to_quotas(regions, 3, np.array([3, 1]), np.int32([1, 1, 2]))
    assert n == 4
    assert split[0, 3:].tolist() == regions[0, 3:].tolist()
    assert set(split[0, :3].tolist()) == {0, 3}


@pytest.mark.parametrize("quotas", [[2, 1], [9, 9]])
def test_nothing_to_merge_returns_the_regions(quotas: list[int]) -> None:
    regions = np.int32([[0, 0, 1, 1, 2]])
    owners = region_owners(regions, 3, np.int32([[1, 1, 1, 1, 2]]))
    merged, n = merge_to_quotas(regions, 3, np.array(quotas), np.zeros((5, 1), np.float32), owners)
    assert n == 3
    assert np.array_equal(merged, regions)


def test_pieces_stay_4_connected() -> None:
    rng = np.random.default_rng(5)
    objects = rectangles(rng, 40, 40)
    density = np.linspace(0.3, 3, int(objects.max()))
    labels = spam(lab_image(rng, 40, 40), 50, objects=objects, density=density)
    assert all(ndimage.label(labels == i)[1] == 1 for i in range(50))
