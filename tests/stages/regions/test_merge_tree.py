"""Borders of objects and the order in which they merge."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.prior.aggregate import renumbered
from spam_pipe.stages.regions.adjacency import borders, bridged
from spam_pipe.stages.regions.merge_tree import mean_boundary_tree


@st.composite
def scenes(draw, uncertain=True):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = tuple(int(side) for side in rng.integers(1, 9, 2))
    objects = rng.integers(0 if uncertain else 1, rng.integers(2, 9), shape)
    if not objects.any():
        objects[0, 0] = 1
    return renumbered(objects), rng.random(shape).astype(np.float32)


def slow_borders(objects, strength):
    found = {}
    height, width = objects.shape
    for row in range(height):
        for column in range(width):
            for r, c in ((row + 1, column), (row, column + 1)):
                if r < height and c < width and objects[r, c] != objects[row, column]:
                    pair = tuple(sorted((int(objects[row, column]), int(objects[r, c]))))
                    value = (float(strength[row, column]) + float(strength[r, c])) / 2
                    found.setdefault(pair, []).append(value)
    return found


@given(scenes(uncertain=False))
def test_borders_equal_the_slow_reference(scene):
    expected = slow_borders(*scene)
    found = borders(*scene)
    assert list(zip(found.first, found.second, strict=True)) == sorted(expected)
    assert found.length.tolist() == [len(expected[pair]) for pair in sorted(expected)]
    means = [np.mean(expected[pair]) for pair in sorted(expected)]
    np.testing.assert_allclose(found.strength, means, rtol=1e-12)


@given(scenes())
def test_uncertain_pixels_go_to_a_nearest_object(scene):
    objects, _ = scene
    filled = bridged(objects)
    certain = np.argwhere(objects > 0)
    for row, column in np.argwhere(objects == 0):
        squared = ((certain - [row, column]) ** 2).sum(axis=1)
        nearest = {int(objects[tuple(p)]) for p in certain[squared == squared.min()]}
        assert int(filled[row, column]) in nearest
    assert np.array_equal(filled[objects > 0], objects[objects > 0])


@settings(max_examples=150)
@given(scenes())
def test_the_tree_joins_all_objects_over_the_weakest_border(scene):
    objects, strength = scene
    n = int(objects.max())
    parents, altitudes = mean_boundary_tree(objects, strength)
    assert (parents.dtype, altitudes.dtype) == (np.int32, np.float32)
    assert len(parents) == len(altitudes) == 2 * n - 1
    assert parents[-1] == 2 * n - 2
    assert (np.diff(altitudes) >= 0).all()
    labels = bridged(objects).astype(np.int64)
    node_of = {each: each - 1 for each in range(1, n + 1)}
    for node in range(n, 2 * n - 1):
        a, b = (label for label, own in node_of.items() if parents[own] == node)
        means = {pair: np.mean(all_) for pair, all_ in slow_borders(labels, strength).items()}
        np.testing.assert_allclose(altitudes[node], means[min(a, b), max(a, b)], rtol=1e-6)
        np.testing.assert_allclose(altitudes[node], min(means.values()), rtol=1e-6)
        labels[labels == b] = a
        node_of[a] = node
        del node_of[b]


def test_one_object_is_a_tree_of_one_node():
    parents, altitudes = mean_boundary_tree(np.array([[0, 1]]), np.zeros((1, 2), np.float32))
    assert parents.tolist() == [0]
    assert altitudes.tolist() == [0]


def test_islands_are_joined_across_uncertain_pixels():
    objects = np.array([[1, 0, 0, 2, 0, 3]])
    strength = np.array([[0, 0.9, 0.9, 0, 0.1, 0.1]], np.float32)
    parents, altitudes = mean_boundary_tree(objects, strength)
    assert parents.tolist() == [4, 3, 3, 4, 4]
    assert altitudes[3] < altitudes[4]
