import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.clustering.candidates import candidate_seeds, uncertain_candidate_seeds
from spam_pipe.stages.clustering.features import scaled_features
from spam_pipe.stages.clustering.nearest import settle_seeds
from spam_pipe.stages.clustering.seeds import lattice_seeds
from spam_pipe.stages.clustering.soft_clustering import cluster
from spam_pipe.stages.sharing import at_most
from tests.stages.clustering.segment_strategies import lab_image


def reference(
    features: np.ndarray,
    seeds: np.ndarray,
    lists: np.ndarray,
    iterations: int,
    factors: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dense clustering in float64, straight from the equations: every pixel with every seed."""
    x = features.astype(np.float64)
    n_seeds = factors.size
    allowed = np.zeros((len(x), n_seeds), bool)
    for candidate in lists.T:
        known = candidate >= 0
        allowed[np.flatnonzero(known), candidate[known]] = True
    means = np.stack([x[seeds == k].mean(axis=0) for k in range(n_seeds)])
    for i in range(iterations):
        difference = (x[:, None] - means[None]) ** 2
        distances = difference[..., :-2].sum(-1) + factors * difference[..., -2:].sum(-1)
        distances[~allowed] = np.inf
        if i < iterations - 1:
            weights = np.exp(-(distances - distances.min(axis=1, keepdims=True)))
            weights /= weights.sum(axis=1, keepdims=True)
            mass = weights.sum(axis=0)[:, None]
            means = np.where(mass > 1e-12, weights.T @ x / np.maximum(mass, 1e-12), means)
    return distances.argmin(axis=1), means, distances


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 25),
    st.integers(1, 6),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_equals_dense_float64(
    seed: int, n_deep: int, iterations: int, split: bool, weighted: bool
) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(8, 28, 2)
    objects = np.ones((height, width), np.int32)
    if split:
        objects[:, width // 2 :] = 2
        objects[rng.random((height, width)) < 0.2] = 0
    counts = np.array([6, 5] if split else [12])
    initial, positions, counts = settle_seeds(objects, lattice_seeds(objects, counts), counts)
    deep = rng.normal(size=(height, width, n_deep)).astype(np.float32)
    features = scaled_features(lab_image(rng, height, width), counts.sum(), deep=deep)
    factors = rng.uniform(0.3, 3, counts.size) if weighted else np.ones(counts.size)
    spatial_factor = np.repeat(factors, counts)
    seeds, uncertain = initial.ravel(), objects.ravel() == 0
    certain_lists = candidate_seeds(positions, counts, 1.65 * np.sqrt(objects.size / counts.sum()))
    uncertain_lists = uncertain_candidate_seeds(positions)

    labels, means = cluster(
        features,
        seeds,
        certain_lists,
        iterations,
        uncertain=uncertain,
        uncertain_candidates=uncertain_lists,
        spatial_factor=spatial_factor if weighted else None,
    )
    lists = np.where(uncertain[:, None], uncertain_lists[seeds], certain_lists[seeds])
    expected, expected_means, distances = reference(
        features, seeds, lists, iterations, spatial_factor
    )
    np.testing.assert_allclose(means, expected_means, rtol=1e-3, atol=2e-3)
    # Where labels differ the two distances are equal but for rounding.
    pixels = np.flatnonzero(labels != expected)
    gap = distances[pixels, labels[pixels]] - distances[pixels, expected[pixels]]
    assert (gap <= 1e-2 + 1e-3 * distances[pixels, expected[pixels]]).all()


def test_large_groups_span_chunks() -> None:
    # 90 x 90 pixels in two groups: more than the 1,024 pixels of a chunk each.
    rng = np.random.default_rng(5)
    objects = np.ones((90, 90), np.int32)
    initial, positions, counts = settle_seeds(
        objects, lattice_seeds(objects, np.array([2])), np.array([2])
    )
    features = scaled_features(lab_image(rng, 90, 90), 2)
    lists = candidate_seeds(positions, counts, 1000.0)
    labels, means = cluster(features, initial.ravel(), lists, 5)
    expected, expected_means, _ = reference(
        features, initial.ravel(), lists[initial.ravel()], 5, np.ones(2)
    )
    np.testing.assert_allclose(means, expected_means, rtol=1e-4, atol=1e-4)
    assert (labels != expected).mean() < 1e-3


def test_any_number_of_threads_gives_the_same_bytes() -> None:
    rng = np.random.default_rng(2)
    objects = np.ones((120, 150), np.int32)
    counts = np.array([70])
    deep = rng.normal(size=(120, 150, 7)).astype(np.float32)
    features = scaled_features(lab_image(rng, 120, 150), 70, deep=deep)
    results = []
    for n in (1, 2, 3):
        with at_most(n):
            initial, positions, _ = settle_seeds(objects, lattice_seeds(objects, counts), counts)
            labels, means = cluster(
                features, initial.ravel(), candidate_seeds(positions, counts, 30.0), 10
            )
            results.append((labels.tobytes(), means.tobytes()))
    assert results[0] == results[1] == results[2]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_candidates_are_the_near_seeds_of_the_same_object(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 15, rng.integers(1, 5))
    positions = rng.uniform(0, 50, (counts.sum(), 2))
    factors = rng.uniform(0.2, 4, counts.size)
    owners = np.repeat(np.arange(counts.size), counts)
    lists = candidate_seeds(positions, counts, 20.0, factors)
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    for k, candidates in enumerate(lists):
        near = distances[k] <= 20 / np.sqrt(factors[owners[k]])
        allowed = np.flatnonzero(near & (owners == owners[k]))
        expected = allowed[np.argsort(distances[k, allowed])][:9]
        assert candidates[0] == k
        assert np.array_equal(candidates[: expected.size], expected)
        assert (candidates[expected.size :] == -1).all()


def test_seeds_at_one_place_still_lead_their_lists() -> None:
    lists = uncertain_candidate_seeds(np.zeros((12, 2)))
    assert np.array_equal(lists[:, 0], np.arange(12))
    assert all(np.unique(row).size == 9 for row in lists)
