"""Cuts through a tree: by hand, and against all cuts that there are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.hierarchy.cuts import (
    check_cut,
    densest_cut,
    labels_of_cut,
    least_cut,
    shared_cut,
)
from spam_pipe.stages.regions.tree import level_of_regions, sum_over_nodes
from tests.stages.regions.test_tree import merge_lists, tree_of_merges

PARENTS = np.array([4, 4, 5, 5, 6, 6, 6], np.int32)
"""((0, 1), (2, 3)): nodes 4 and 5 below the root 6."""


def all_cuts(parents, node=None):
    node = len(parents) - 1 if node is None else node
    yield [node]
    below = [child for child in np.flatnonzero(parents == node) if child != node]
    if below:
        for left in all_cuts(parents, below[0]):
            for right in all_cuts(parents, below[1]):
                yield left + right


@settings(max_examples=60, deadline=None)
@given(merge_lists(), st.integers(0, 2**32 - 1))
def test_the_least_cut_is_the_least_of_all(tree, seed):
    n, merges = tree
    if n > 9:
        n, merges = 4, np.array([[0, 1], [2, 3], [0, 2]], np.int32)
    parents = tree_of_merges(merges, n)
    energy = np.random.default_rng(seed).normal(size=len(parents))
    found = least_cut(parents, energy)
    check_cut(parents, found)
    assert energy[found].sum() == pytest.approx(min(energy[c].sum() for c in all_cuts(parents)))


@settings(max_examples=60, deadline=None)
@given(merge_lists(), st.data())
def test_a_cut_of_even_weights_is_a_level(tree, data):
    n, merges = tree
    parents = tree_of_merges(merges, n)
    altitudes = np.concatenate([np.zeros(n), np.arange(1.0, n)])
    k = data.draw(st.integers(1, n))
    nodes = check_cut(parents, densest_cut(parents, altitudes, np.ones(len(parents)), k))
    assert len(nodes) == k
    assert labels_of_cut(parents, nodes).tolist() == level_of_regions(parents, k).tolist()


@settings(max_examples=60, deadline=None)
@given(merge_lists(), st.data())
def test_any_weights_give_a_cut_of_so_many(tree, data):
    n, merges = tree
    parents = tree_of_merges(merges, n)
    altitudes = np.concatenate([np.zeros(n), np.arange(1.0, n)])
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    mass = sum_over_nodes(rng.random(n) + 0.01, parents)
    k = data.draw(st.integers(1, n))
    nodes = densest_cut(parents, altitudes, mass / sum_over_nodes(np.ones(n), parents), k)
    assert len(check_cut(parents, nodes)) == k


def test_weights_move_regions():
    altitudes = np.array([0, 0, 0, 0, 1, 2, 3.0])
    even, left = np.ones(7), np.array([9, 9, 1, 1, 9, 1, 5.0])
    assert densest_cut(PARENTS, altitudes, even, 3).tolist() == [2, 3, 4]
    assert densest_cut(PARENTS, altitudes, left, 3).tolist() == [0, 1, 5]


def test_counts_of_objects():
    owners = np.array([7, 7, 8, 8])
    assert shared_cut(PARENTS, owners, {7: 2}).tolist() == [0, 1, 5]
    assert shared_cut(PARENTS, owners, {7: 1, 8: 2}).tolist() == [2, 3, 4]
    mixed = np.array([7, 8, 8, 8])
    assert shared_cut(PARENTS, mixed, {7: 1}).tolist() == [0, 1, 5]
    with pytest.raises(
        ValueError, match="object 8 has 2 to 3 superpixels in this hierarchy, not 1"
    ):
        shared_cut(PARENTS, mixed, {8: 1})
    with pytest.raises(ValueError, match="no finest superpixel is of object 9"):
        shared_cut(PARENTS, mixed, {9: 1})


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([4], "finest superpixel 2 is below 0 of them"),
        ([4, 5, 6], "finest superpixel 0 is below 2 of them"),
        ([4, 5, 5], "finest superpixel 2 is below 2 of them"),
        ([7], "the nodes are 0 to 6: there is no 7"),
        ([0.5], "whole numbers"),
        ([], "list of nodes"),
    ],
)
def test_what_is_no_cut(nodes, message):
    with pytest.raises(ValueError, match=message):
        check_cut(PARENTS, np.array(nodes))
