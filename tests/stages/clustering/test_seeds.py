import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.clustering.nearest import nearest_seeds, settle_seeds
from spam_pipe.stages.clustering.seeds import lattice_seeds, random_seeds, share_seeds
from spam_pipe.stages.regions.objects import compact_objects
from tests.stages.clustering.segment_strategies import object_map


def scene(seed: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Objects 1..n without gaps, and seeds for them."""
    rng = np.random.default_rng(seed)
    objects, _ = compact_objects(object_map(rng, rng.integers(1, 30), rng.integers(1, 30)))
    if not objects.any():
        objects = np.ones_like(objects)
    areas = np.bincount(objects.ravel())[1:]
    return objects, share_seeds(areas, round(share * areas.sum()))


@given(st.lists(st.integers(1, 500), min_size=1, max_size=30), st.integers(1, 3000), st.data())
def test_shares_sum_up_within_bounds(areas: list[int], n_seeds: int, data: st.DataObject) -> None:
    factors = data.draw(
        st.none() | st.lists(st.floats(0.1, 10), min_size=len(areas), max_size=len(areas))
    )
    counts = share_seeds(np.array(areas), n_seeds, None if factors is None else np.array(factors))
    assert counts.sum() == np.clip(n_seeds, len(areas), sum(areas))
    assert (counts >= 1).all()
    assert (counts <= areas).all()


def test_shares_are_those_of_the_largest_remainder() -> None:
    # Ideal shares 4.7, 3.9, 1.4 of 10: floors 4, 3, 1, and the two largest remainders get one.
    assert share_seeds(np.array([470, 390, 140]), 10).tolist() == [5, 4, 1]


def test_shares_follow_the_density() -> None:
    assert share_seeds(np.array([100, 100]), 12, np.array([2.0, 1.0])).tolist() == [8, 4]


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_random_seeds_are_distinct_pixels_of_their_object(seed: int, share: float) -> None:
    objects, counts = scene(seed, share)
    positions = random_seeds(objects, counts, seed=[3])
    rows, columns = positions.astype(int).T
    assert np.unique(positions, axis=0).shape == (counts.sum(), 2)
    assert np.array_equal(objects[rows, columns], np.repeat(np.arange(1, counts.size + 1), counts))
    assert np.array_equal(positions, random_seeds(objects, counts, seed=[3]))


def test_another_seed_draws_other_pixels() -> None:
    objects = np.ones((50, 50), np.int32)
    first, second = (random_seeds(objects, np.array([20]), [seed]) for seed in (0, 1))
    assert not np.array_equal(first, second)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_lattice_seeds_lie_in_columns_of_their_object(seed: int, share: float) -> None:
    objects, counts = scene(seed, share)
    positions = lattice_seeds(objects, counts)
    assert positions.shape == (counts.sum(), 2)
    for i, own in enumerate(np.split(positions, np.cumsum(counts)[:-1]), start=1):
        rows, columns = np.nonzero(objects == i)
        assert np.isin(own[:, 1], columns).all()
        assert (own[:, 0] >= rows.min()).all()
        assert (own[:, 0] <= rows.max()).all()


def test_lattice_of_a_rectangle_is_hexagonal() -> None:
    # Nine bands of nine rows, eleven seeds each.
    positions = lattice_seeds(np.ones((81, 121), np.int32), np.array([99]))
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    inner = ((positions > 10) & (positions < [70, 110])).all(axis=1)
    nearest_six = np.sort(distances[inner], axis=1)[:, :6]
    assert nearest_six.min() > 10
    assert nearest_six.max() < 11.5


def test_as_many_lattice_seeds_as_pixels_are_the_pixels() -> None:
    objects = np.ones((4, 5), np.int32)
    positions = lattice_seeds(objects, np.array([20]))
    assert np.array_equal(positions, np.argwhere(objects))


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_nearest_seed_is_the_nearest(seed: int, share: float) -> None:
    objects, counts = scene(seed, share)
    # Seeds of one object anywhere in the image: far ones make the search leave its blocks.
    rng = np.random.default_rng(seed)
    positions = rng.uniform(0, np.array(objects.shape) - 1, (counts.sum(), 2))
    labels = nearest_seeds(objects, positions, counts)
    owners = np.repeat(np.arange(1, counts.size + 1), counts)
    pixels = np.argwhere(objects >= 0)
    squared = ((pixels[:, None] - positions[None]) ** 2).sum(axis=-1)
    wanted = objects.ravel()[:, None]
    squared[(wanted > 0) & (wanted != owners)] = np.inf
    found = squared[np.arange(len(pixels)), labels.ravel()]
    np.testing.assert_allclose(found, squared.min(axis=1), rtol=1e-4, atol=1e-4)


def test_a_large_sparse_object_is_searched_far() -> None:
    # Object 2 has 30 seeds, all in a corner; object 1 crowds the image in between.
    objects = np.ones((60, 60), np.int32)
    objects[:, -1] = 2
    counts = np.array([300, 30])
    rng = np.random.default_rng(0)
    positions = np.concatenate([rng.uniform(0, 59, (300, 2)), rng.uniform(0, 5, (30, 2))])
    labels = nearest_seeds(objects, positions, counts)
    squared = ((np.array([59, 59]) - positions[300:]) ** 2).sum(axis=1)
    assert labels[59, 59] == 300 + squared.argmin()


def test_equally_near_seeds_give_the_lower_one() -> None:
    positions = np.array([[0.0, 4.0], [0.0, 0.0], [0.0, 4.0]])
    labels = nearest_seeds(np.ones((1, 5), np.int32), positions, np.array([3]))
    assert labels.tolist() == [[1, 1, 0, 0, 0]]


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_settled_seeds_all_have_pixels_of_their_object(seed: int, share: float) -> None:
    objects, counts = scene(seed, share)
    labels, positions, settled = settle_seeds(objects, lattice_seeds(objects, counts), counts)
    owners = np.repeat(np.arange(1, settled.size + 1), settled)
    assert (settled >= 1).all()
    assert positions.shape == (settled.sum(), 2)
    certain = objects > 0
    assert np.array_equal(owners[labels[certain]], objects[certain])
    assert np.array_equal(np.unique(labels[certain]), np.arange(settled.sum()))


def test_settling_evens_out_areas() -> None:
    objects = np.ones((90, 90), np.int32)
    positions = random_seeds(objects, np.array([81]), [0])
    before = np.bincount(nearest_seeds(objects, positions, np.array([81])).ravel()).std()
    labels, _, _ = settle_seeds(objects, positions, np.array([81]))
    assert np.bincount(labels.ravel()).std() < 0.5 * before


def test_negative_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="-3"):
        compact_objects(np.array([[1, -3]]))
