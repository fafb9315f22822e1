import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from spam_pipe.stages.clustering.exact_count import merge_to_count, split_to_count
from spam_pipe.stages.compiled import KERNELS
from spam_pipe.stages.regions.connectivity import (
    _absorb,
    absorb_small,
    adjacent_pairs,
    connected_components,
    region_owners,
)

seeds = st.integers(0, 2**32 - 1)


def random_regions(seed: int) -> tuple[np.ndarray, int]:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 25, 2)
    return connected_components(rng.integers(0, rng.integers(1, 6), (height, width), np.int32))


def border(regions: np.ndarray, a: int, b: int) -> int:
    """Sides between two regions, counted on the image."""
    total = 0
    for first, second in (
        (regions[:, :-1], regions[:, 1:]),
        (regions[:-1], regions[1:]),
    ):
        total += int((((first == a) & (second == b)) | ((first == b) & (second == a))).sum())
    return total


@given(seeds)
@settings(max_examples=150, deadline=None)
def test_components_are_those_of_scipy_in_raster_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, rng.integers(1, 25, 2), np.int32)
    components, n = connected_components(labels)
    pairs = 0
    for label in np.unique(labels):
        parts, n_parts = ndimage.label(labels == label)
        pairs += n_parts
        for part in range(1, n_parts + 1):
            assert np.unique(components[parts == part]).size == 1
    assert n == pairs == components.max() + 1
    _, first = np.unique(components, return_index=True)
    assert (np.diff(first) > 0).all()


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_pairs_have_the_length_of_their_border(seed: int) -> None:
    regions, n = random_regions(seed)
    pairs, lengths = adjacent_pairs(regions, n)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert np.array_equal(pairs, np.unique(pairs, axis=0).reshape(-1, 2))
    assert [border(regions, a, b) for a, b in pairs] == lengths.tolist()
    sides = np.count_nonzero(regions[:, 1:] != regions[:, :-1])
    assert lengths.sum() == sides + np.count_nonzero(regions[1:] != regions[:-1])


def test_a_small_region_joins_the_neighbour_with_the_longest_border() -> None:
    regions = np.int32([[0, 0, 0, 0, 1], [0, 0, 2, 1, 1], [0, 0, 1, 1, 1]])
    merged, n = absorb_small(regions, 3, np.int32([1, 1, 1]), np.array([0, 2.0]))
    assert n == 2
    # Region 2 has two sides with region 0 (above, left), two with 1: the lower one wins the tie.
    assert np.array_equal(merged, [[0, 0, 0, 0, 1], [0, 0, 0, 1, 1], [0, 0, 1, 1, 1]])


def test_a_small_region_alone_in_its_object_stays() -> None:
    regions = np.int32([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    merged, n = absorb_small(regions, 2, np.int32([1, 2]), np.array([9.0, 9.0, 9.0]))
    assert n == 2
    assert np.array_equal(merged, regions)


def test_an_uncertain_region_joins_any_object() -> None:
    regions = np.int32([[0, 0, 1, 2, 2]])
    merged, n = absorb_small(regions, 3, np.int32([1, 0, 2]), np.array([2.0, 0.0, 0.0]))
    assert n == 2
    assert np.array_equal(merged, [[0, 0, 0, 1, 1]])


def test_areas_in_whole_numbers_compile_nothing_anew() -> None:
    regions = np.int32([[0, 0, 1, 2, 2]])
    found = []
    for areas in (np.array([2, 0, 0]), np.array([2.0, 0.0, 0.0])):
        merged, n = absorb_small(regions, 3, np.int32([1, 0, 2]), areas)
        found.append((merged.tolist(), n))
    assert found == [([[0, 0, 0, 1, 1]], 2)] * 2
    (kernel,) = (each for each in KERNELS if each.function is _absorb)
    assert [*_absorb.overloads] == [kernel.types]


def test_two_objects_don_t_meet_through_an_uncertain_region() -> None:
    regions = np.int32([[0, 1, 2]])
    _, n = absorb_small(regions, 3, np.int32([1, 0, 2]), np.array([9.0, 9.0, 9.0]))
    assert n == 2


@given(seeds, st.floats(0, 30))
@settings(max_examples=100, deadline=None)
def test_after_absorbing_only_the_lonely_are_small(seed: int, threshold: float) -> None:
    regions, n = random_regions(seed)
    rng = np.random.default_rng(seed)
    objects = rng.integers(0, 3, n).astype(np.int32)[regions]
    owners = region_owners(regions, n, objects)
    merged, m = absorb_small(regions, n, owners, np.full(3, threshold))
    owners = region_owners(merged, m, objects)
    pairs, _ = adjacent_pairs(merged, m)
    sizes = np.bincount(merged.ravel())
    mergeable = (owners[pairs] == 0).any(axis=1) | (owners[pairs[:, 0]] == owners[pairs[:, 1]])
    assert (sizes[pairs[mergeable]] >= threshold).all()
    certain = objects > 0
    assert np.array_equal(owners[merged[certain]], objects[certain])


@given(seeds, st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_merging_takes_the_cheapest_pair_each_time(seed: int, n_wanted: int) -> None:
    regions, n = random_regions(seed)
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(regions.size, 3)).astype(np.float32)
    objects = rng.integers(0, 3, n).astype(np.int32)
    merged, m = merge_to_count(regions, n, n_wanted, features, objects)

    owners = dict(enumerate(objects.tolist()))
    members = {k: features[regions.ravel() == k].astype(np.float64) for k in range(n)}
    current = regions.copy()
    while len(members) > n_wanted:
        costs = {}
        for a, b in adjacent_pairs(current, n)[0].tolist():
            if owners[a] == owners[b] or 0 in (owners[a], owners[b]):
                areas = len(members[a]), len(members[b])
                gap = ((members[a].mean(axis=0) - members[b].mean(axis=0)) ** 2).sum()
                costs[a, b] = areas[0] * areas[1] / sum(areas) * gap
        if not costs:
            break
        a, b = min(costs, key=costs.__getitem__)
        members[a] = np.concatenate([members[a], members.pop(b)])
        owners[a] = max(owners[a], owners.pop(b))
        current[current == b] = a
    assert m == len(members)
    assert np.unique(np.stack([merged.ravel(), current.ravel()]), axis=1).shape[1] == m


@given(seeds, st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_splitting_is_exact_and_keeps_regions_connected(seed: int, share: float) -> None:
    regions, n = random_regions(seed)
    n_wanted = n + round(share * (regions.size - n))
    split, m = split_to_count(regions, n, n_wanted)
    assert m == n_wanted
    assert connected_components(split)[1] == m
    assert np.unique(np.stack([split.ravel(), regions.ravel()]), axis=1).shape[1] == m


def test_a_rectangle_is_split_in_halves() -> None:
    split, n = split_to_count(np.zeros((8, 20), np.int32), 1, 2)
    assert n == 2
    assert np.bincount(split.ravel()).tolist() == [80, 80]


def test_the_largest_is_split_first() -> None:
    regions = np.int32([[0, 0, 0, 0, 0, 1, 1, 1]])
    split, _ = split_to_count(regions, 2, 3)
    assert np.array_equal(split == 1, regions == 1)
