"""The fast volume hierarchy against higra's."""

import higra
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import label

from spam_pipe.stages.propose.hierarchy import LEVELS, volume_hierarchy

shapes = array_shapes(min_dims=2, max_dims=2, max_side=10)
maps = shapes.flatmap(
    lambda shape: st.one_of(
        arrays(np.float32, shape, elements=st.sampled_from([0, 0.25, 0.5, 1])),
        arrays(np.float32, shape, elements=st.floats(0, 1, width=32)),
    )
)


def _saliency(partition, shape):
    """Altitude at which two neighbouring pixels become one region, for each edge."""
    source, target = higra.get_4_adjacency_graph(shape).edge_list()
    leaf = partition.regions.ravel().astype(np.int64) - 1
    if len(partition.parents) == 1:
        return np.zeros(len(source))
    tree = higra.Tree(partition.parents.astype(np.int64))
    meeting = higra.make_lca_fast(tree).lca(leaf[source], leaf[target])
    return partition.altitudes[meeting].astype(np.float64)


@settings(max_examples=150)
@given(maps.filter(lambda strength: strength.size > 1))
def test_it_equals_higra(strength):
    graph = higra.get_4_adjacency_graph(strength.shape)
    source, target = graph.edge_list()
    levels = np.rint(np.float32(LEVELS) * strength).ravel().astype(np.float64)
    weights = levels[source] + levels[target]
    expected = higra.saliency(*higra.watershed_hierarchy_by_volume(graph, weights))
    found = _saliency(volume_hierarchy(strength, strength.size), strength.shape)
    np.testing.assert_allclose(found, expected / (2 * LEVELS), rtol=1e-6)


@given(maps, st.integers(1, 20))
def test_what_a_partition_is(strength, max_regions):
    partition = volume_hierarchy(strength, max_regions)
    regions, parents, altitudes = partition.regions, partition.parents, partition.altitudes
    n = int(regions.max())
    assert n <= max_regions
    assert regions.shape == strength.shape
    assert regions.dtype == np.uint16
    assert np.array_equal(np.unique(regions), np.arange(1, n + 1))
    assert (np.diff(np.unique(regions, return_index=True)[1]) > 0).all()
    assert all(label(regions == region)[1] == 1 for region in range(1, n + 1))
    assert parents.shape == altitudes.shape == (2 * n - 1,)
    assert (parents.dtype, altitudes.dtype) == (np.int32, np.float32)
    assert parents[-1] == 2 * n - 2
    assert (parents[:-1] > np.arange(2 * n - 2)).all()
    assert (np.bincount(parents[:-1], minlength=2 * n - 1)[n:] == 2).all()
    assert (altitudes[:n] == 0).all()
    assert (np.diff(altitudes[n - 1 :]) >= 0).all()
    assert (altitudes[n:] > 0).all()


@given(maps, st.integers(2, 12))
def test_fewer_regions_are_a_coarsening(strength, max_regions):
    fine = volume_hierarchy(strength, max_regions)
    coarse = volume_hierarchy(strength, max_regions - 1)
    pairs = np.unique(np.stack([fine.regions.ravel(), coarse.regions.ravel()]), axis=1)
    assert pairs.shape[1] == fine.regions.max()
    kept = int(coarse.regions.max()) - 1
    assert np.array_equal(
        coarse.altitudes[kept + 1 :], fine.altitudes[len(fine.altitudes) - kept :]
    )


def test_two_basins_by_hand():
    # Six pixels a row, the wall between 2 and 3; edge weights are sums of neighbours.
    strength = np.array([[0, 0, 1, 0, 0, 0]], np.float32)
    partition = volume_hierarchy(strength)
    assert partition.regions.max() == 2
    # The left basin holds 2 pixels of water up to (0 + 1) / 2 before the right one's joins it.
    assert partition.altitudes.tolist() == [0, 0, 1]
    assert partition.parents.tolist() == [2, 2, 2]


def test_a_flat_image_is_one_region():
    for shape in [(1, 1), (1, 7), (5, 4)]:
        partition = volume_hierarchy(np.full(shape, 0.3, np.float32))
        assert partition.parents.tolist() == [0]
        assert (partition.regions == 1).all()


@pytest.mark.parametrize(
    ("strength", "message"),
    [
        (np.zeros(3), "height × width"),
        (np.zeros((0, 3)), "height × width"),
        (np.array([[2.0]]), "0, 1"),
        (np.array([[-0.1]]), "0, 1"),
        (np.array([[np.nan]]), "0, 1"),
    ],
)
def test_bad_maps_are_refused(strength, message):
    with pytest.raises(ValueError, match=message):
        volume_hierarchy(strength)


def test_no_region_at_all_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        volume_hierarchy(np.zeros((2, 2)), 0)
