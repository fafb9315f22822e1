"""The K-adaptive cut: by hand, and what holds for any tree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from spam_pipe.stages.prior.aggregate import renumbered
from spam_pipe.stages.prior.cut import cut_objects
from spam_pipe.stages.propose.hierarchy import volume_hierarchy
from spam_pipe.stages.regions.merge_tree import mean_boundary_tree


@st.composite
def priors(draw, uncertain=True):
    """Objects, a tree, a contour; objects may have several pieces, be single pixels …"""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = tuple(int(side) for side in rng.integers(1, 13, 2))
    contour = rng.random(shape).astype(np.float32)
    blocks = rng.integers(0 if uncertain else 1, rng.integers(2, 9), (6, 6))
    objects = np.kron(blocks, np.ones((2, 2), int))[: shape[0], : shape[1]]
    if uncertain:
        objects = np.where(rng.random(shape) < 0.1, 0, objects)
    if not objects.any():
        objects[0, 0] = 1
    objects = renumbered(objects).astype(np.uint16)
    return objects, *mean_boundary_tree(objects, contour), contour


counts = st.integers(1, 40)


@settings(max_examples=150)
@given(priors(), counts, st.sampled_from([0.1, 0.25, 0.5, 1.0]), st.sampled_from([0, 0.3, 0.5, 1]))
def test_what_a_cut_is(prior, n_superpixels, rho, tau):
    objects, parents, altitudes, contour = prior
    n = int(objects.max())
    cut, mapping = cut_objects(objects, parents, altitudes, contour, n_superpixels, rho, tau)
    m = int(mapping.max())
    assert cut.dtype == objects.dtype
    assert mapping.shape == (n + 1,)
    assert mapping[0] == 0
    assert 1 <= m <= max(1, rho * n_superpixels + 1e-6)
    assert np.array_equal(np.unique(mapping[1:]), np.arange(1, m + 1))
    assert (np.diff(np.unique(mapping[1:], return_index=True)[1]) > 0).all()
    certain = objects > 0
    assert np.array_equal(cut[certain], mapping[objects][certain])
    joined = np.unique(cut[~certain])
    assert (np.bincount(mapping)[joined[joined > 0]] > 1).all()


@settings(max_examples=100)
@given(priors(), counts, st.sampled_from([0.25, 0.5, 1.0]))
def test_without_weak_borders_the_count_is_exact(prior, n_superpixels, rho):
    objects, parents, altitudes, contour = prior
    expected = min(int(objects.max()), max(1, int(rho * n_superpixels)))
    for args in [(None, 0.9), (contour, 0.0)]:
        _, mapping = cut_objects(objects, parents, altitudes, args[0], n_superpixels, rho, args[1])
        assert mapping.max() == expected


@given(priors())
def test_enough_superpixels_change_nothing(prior):
    objects, parents, altitudes, _ = prior
    cut, mapping = cut_objects(objects, parents, altitudes, None, 1000, 1.0, 0.4)
    assert np.array_equal(cut, objects)
    assert np.array_equal(mapping, np.arange(objects.max() + 1))


@given(priors(), st.integers(1, 20))
def test_cuts_are_nested(prior, n_superpixels):
    objects, parents, altitudes, _ = prior
    _, fine = cut_objects(objects, parents, altitudes, None, n_superpixels + 1, 1.0, 0)
    _, coarse = cut_objects(objects, parents, altitudes, None, n_superpixels, 1.0, 0)
    pairs = np.unique(np.stack([fine, coarse]), axis=1)
    assert pairs.shape[1] == fine.max() + 1


def test_the_last_merges_are_undone():
    objects = np.array([[1, 2, 3, 4]], np.uint16)
    parents = np.array([4, 4, 5, 6, 5, 6, 6], np.int32)
    altitudes = np.array([0, 0, 0, 0, 1, 2, 3], np.float32)
    for k, expected in [(1, [1, 1, 1, 1]), (2, [1, 1, 1, 2]), (3, [1, 1, 2, 3]), (4, [1, 2, 3, 4])]:
        cut, mapping = cut_objects(objects, parents, altitudes, None, k, 1.0, 0.4)
        assert cut.tolist() == [expected]
        assert mapping.tolist() == [0, *expected]
    cut, _ = cut_objects(objects, parents, altitudes, None, 5, 0.6, 0.4)
    assert cut.tolist() == [[1, 1, 2, 3]]
    cut, _ = cut_objects(objects, parents, altitudes, None, 10, 0.3, 0.4)
    assert cut.tolist() == [[1, 1, 2, 3]]
    cut, _ = cut_objects(objects, parents, altitudes, None, 1, 0.1, 0.4)
    assert cut.tolist() == [[1, 1, 1, 1]]


def columns(*ids, height=3):
    return np.array([ids] * height, np.uint16)


def test_weak_borders_are_merged_by_their_mean():
    objects = columns(1, 1, 2, 2, 3, 3)
    parents, altitudes = mean_boundary_tree(objects, np.zeros(objects.shape, np.float32))
    contour = np.zeros(objects.shape, np.float32)
    contour[:, 2] = [0.9, 0.9, 0.3]  # mean of the pairs: 0.35
    contour[:, 3:5] = 0.5
    for tau, expected in [
        (0.34, [1, 2, 3]),
        (0.36, [1, 1, 2]),
        (0.49, [1, 1, 2]),
        (0.51, [1, 1, 1]),
    ]:
        cut, mapping = cut_objects(objects, parents, altitudes, contour, 10, 1.0, tau)
        assert mapping.tolist() == [0, *expected]
        assert np.array_equal(cut, mapping[objects])


def test_merging_a_weak_border_averages_the_others():
    # 1 and 2 merge; their common border with 3 is then (0.3 + 0.9) / 2 wide and strong enough.
    objects = np.array([[1, 1], [3, 3], [2, 2]]).T.astype(np.uint16)
    objects = np.array([[1, 1, 2, 2], [3, 3, 3, 3]], np.uint16)
    contour = np.array([[0, 0, 0, 0], [0.6, 0.6, 1, 1]], np.float32)
    parents, altitudes = mean_boundary_tree(objects, contour)
    _, mapping = cut_objects(objects, parents, altitudes, contour, 10, 1.0, 0.35)
    assert mapping.tolist() == [0, 1, 1, 2]


def test_uncertain_pixels_between_merged_objects_join_them():
    objects = columns(1, 1, 0, 2, 2, 0, 3, 3)
    parents = np.array([3, 3, 4, 4, 4], np.int32)
    altitudes = np.array([0, 0, 0, 1, 2], np.float32)
    cut, _ = cut_objects(objects, parents, altitudes, None, 2, 1.0, 0.4)
    assert cut.tolist() == columns(1, 1, 1, 1, 1, 0, 2, 2).tolist()
    cut, _ = cut_objects(objects, parents, altitudes, None, 1, 1.0, 0.4)
    assert (cut == 1).all()
    cut, _ = cut_objects(objects, parents, altitudes, None, 3, 1.0, 0.4)
    assert np.array_equal(cut, objects)


def test_a_thin_net_of_uncertain_pixels_joins_where_it_can():
    # One connected cross of uncertain lines; the two upper quarters merge.
    objects = np.zeros((21, 21), np.uint16)
    objects[:10, :10], objects[:10, 11:], objects[11:, :10], objects[11:, 11:] = 1, 2, 3, 4
    parents = np.array([4, 4, 5, 6, 5, 6, 6], np.int32)
    altitudes = np.array([0, 0, 0, 0, 1, 2, 3], np.float32)
    cut, _ = cut_objects(objects, parents, altitudes, None, 3, 1.0, 0.4)
    assert (cut[:8, 10] == 1).all()
    assert (cut[10, :] == 0).all()
    assert (cut[11:, 10] == 0).all()
    assert (cut[8:10, 10] == 0).all()


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_cuts_of_a_watershed_stay_connected(seed, n_superpixels):
    strength = np.random.default_rng(seed).random((11, 13)).astype(np.float32)
    tree = volume_hierarchy(strength)
    cut, mapping = cut_objects(
        tree.regions, tree.parents, tree.altitudes, strength, n_superpixels, 1.0, 0.4
    )
    assert all(label(cut == each)[1] == 1 for each in range(1, int(mapping.max()) + 1))


def test_a_tree_of_other_objects_is_refused():
    with pytest.raises(ValueError, match="3 nodes does not belong to 4 objects"):
        cut_objects(
            np.array([[1, 2, 3, 4]], np.uint16),
            np.array([2, 2, 2], np.int32),
            np.zeros(3, np.float32),
            None,
            2,
            0.5,
            0.4,
        )
