"""Trees over regions: their levels by hand and against union-find, and what is no tree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.regions.tree import (
    check_tree,
    level_of_regions,
    sum_over_nodes,
    tree_of_merges,
    truncated,
)


@st.composite
def merge_lists(draw):
    """Merges of n regions in a random order, each by any region that is part of it."""
    n = draw(st.integers(1, 20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sets = [[region] for region in range(n)]
    merges = []
    while len(sets) > 1:
        a, b = sorted(rng.choice(len(sets), 2, replace=False).tolist())
        merges.append((rng.choice(sets[a]), rng.choice(sets[b])))
        sets[a] += sets.pop(b)
    return n, np.array(merges, np.int32).reshape(-1, 2)


def by_hand(n, merges, k):
    sets = [{region} for region in range(n)]
    for a, b in merges[: n - k]:
        one, other = (next(s for s in sets if x in s) for x in (a, b))
        sets.remove(other)
        one |= other
    order = sorted(sets, key=min)
    return [next(i for i, s in enumerate(order) if region in s) for region in range(n)]


@settings(max_examples=60, deadline=None)
@given(merge_lists())
def test_every_level_is_what_stands_after_its_merges(tree):
    n, merges = tree
    parents = tree_of_merges(merges, n)
    check_tree(parents, np.concatenate([np.zeros(n), np.arange(1.0, n)]))
    for k in range(1, n + 1):
        assert level_of_regions(parents, k).tolist() == by_hand(n, merges, k)


@settings(max_examples=60, deadline=None)
@given(merge_lists(), st.data())
def test_a_truncated_tree_has_the_same_coarser_levels(tree, data):
    n, merges = tree
    parents = tree_of_merges(merges, n)
    k = data.draw(st.integers(1, n))
    lookup, coarse = truncated(parents, k)
    assert lookup.tolist() == level_of_regions(parents, k).tolist()
    for level in range(1, k + 1):
        expected = level_of_regions(parents, level).tolist()
        assert level_of_regions(coarse, level)[lookup].tolist() == expected


def test_sums_over_nodes():
    parents = np.array([3, 3, 4, 4, 4], np.int32)
    assert sum_over_nodes(np.array([1, 2, 4]), parents).tolist() == [1, 2, 4, 3, 7]


@pytest.mark.parametrize("level", [0, -1, 4])
def test_there_is_no_level_of_no_region_or_beyond_the_finest(level):
    with pytest.raises(ValueError, match=f"1 to 3 regions: there is none of {level}"):
        level_of_regions(np.array([3, 3, 4, 4, 4], np.int32), level)


@pytest.mark.parametrize(
    ("parents", "altitudes"),
    [
        ([3, 3, 4, 4], [0, 0, 0, 1]),  # an even number of nodes
        ([3, 3, 4, 4, 4], [0, 0, 0, 1]),  # one altitude too few
        ([3, 3, 3, 4, 4], [0, 0, 0, 1, 2]),  # a merge of three
        ([4, 4, 3, 3, 4], [0, 0, 0, 1, 2]),  # a root that is not the last's own parent
        ([3, 3, 4, 4, 4], [0, 0, 0, 2, 1]),  # falling
        ([3, 3, 4, 4, 4], [0, 1, 0, 2, 3]),  # a leaf above the ground
        ([3, 3, 9, 4, 4], [0, 0, 0, 1, 2]),  # a parent that is not there
    ],
)
def test_what_is_no_tree(parents, altitudes):
    with pytest.raises(ValueError, match="tree"):
        check_tree(np.array(parents, np.int32), np.array(altitudes, float))
