import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.clustering.features import scaled_features
from spam_pipe.stages.clustering.relax_borders import Pixels, Superpixels, relax_borders
from spam_pipe.stages.sharing import at_most
from tests.stages.clustering.segment_strategies import lab_image


def reference_costs(
    labels: np.ndarray,
    features: np.ndarray,
    means: np.ndarray,
    beta: float,
    objects: np.ndarray,
    owners: np.ndarray,
    contour: np.ndarray | None,
    decay: float,
) -> dict[tuple[int, int], dict[int, float]]:
    """Costs of the labels that each border pixel may take, by the definition, in float64."""
    height, width = labels.shape
    result = {}
    for r, c in np.ndindex(height, width):
        around = labels[max(0, r - 1) : r + 2, max(0, c - 1) : c + 2]
        if (around == labels[r, c]).all():
            continue
        support: dict[int, float] = {}
        for i in range(max(0, r - 3), min(height, r + 4)):
            for j in range(max(0, c - 3), min(width, c + 4)):
                weight = 1.0
                if contour is not None:
                    way = [(round((i - r) * t / 3), round((j - c) * t / 3)) for t in (1, 2, 3)]
                    highest = max(contour[r + a, c + b] for a, b in way)
                    weight = np.exp(-decay * max(0.0, highest - contour[r, c]))
                support[labels[i, j]] = support.get(labels[i, j], 0.0) + weight
        x = features[r * width + c].astype(np.float64)
        result[r, c] = {
            k: ((x - means[k]) ** 2).sum() - beta * s
            for k, s in support.items()
            if objects[r, c] in (0, owners[k])
        }
    return result


@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(0, 12))
@settings(max_examples=40, deadline=None)
def test_a_round_is_the_definition(seed: int, with_contour: bool, n_deep: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 14, 2)
    owners = np.repeat(np.int32([1, 2]), 3)
    objects = rng.choice(np.int32([1, 2]), (height, width))
    labels = ((objects - 1) * 3 + rng.integers(0, 3, (height, width))).astype(np.int32)
    objects[rng.random((height, width)) < 0.3] = 0
    deep = rng.normal(size=(height, width, n_deep)).astype(np.float32)
    features = scaled_features(lab_image(rng, height, width), 6, deep=deep)
    means = features[rng.integers(0, height * width, 6)].astype(np.float64)
    contour = rng.random((height, width), np.float32) if with_contour else None
    relaxed = relax_borders(
        Pixels(labels, features, objects, contour),
        Superpixels(means, owners),
        smoothness=7.0,
        contour_decay=3.0,
        rounds=1,
    )
    costs = reference_costs(labels, features, means, 7.0, objects, owners, contour, 3.0)
    for r, c in np.ndindex(height, width):
        chosen, own = relaxed[r, c], labels[r, c]
        if (r, c) not in costs:
            assert chosen == own
            continue
        least = min(costs[r, c].values())
        assert costs[r, c][chosen] <= least + 1e-2
        if own in costs[r, c] and chosen != own:
            assert costs[r, c][chosen] < costs[r, c][own] + 1e-2


def test_rounds_follow_one_another_though_only_stirred_pixels_are_looked_at() -> None:
    rng = np.random.default_rng(3)
    labels = np.kron(rng.integers(0, 9, (8, 8)), np.ones((5, 5), int)).astype(np.int32)
    labels[rng.random(labels.shape) < 0.2] = 4
    features = scaled_features(lab_image(rng, 40, 40), 9)
    means = np.stack([features[labels.ravel() == k].mean(axis=0) for k in range(9)])
    pixels = Pixels(labels, features, np.ones((40, 40), np.int32))
    superpixels = Superpixels(means, np.ones(9, np.int32))
    stepwise = labels
    for _ in range(8):
        present = pixels._replace(labels=stepwise)
        stepwise = relax_borders(present, superpixels, smoothness=5.0, rounds=1)
    at_once = relax_borders(pixels, superpixels, smoothness=5.0, rounds=8)
    assert np.array_equal(at_once, stepwise)
    assert not np.array_equal(stepwise, labels)


def test_a_speck_between_equals_is_smoothed_away() -> None:
    labels = np.zeros((9, 9), np.int32)
    labels[:, 5:] = 1
    labels[4, 2] = 1
    features = np.zeros((81, 5), np.float32)
    relaxed = relax_borders(
        Pixels(labels, features, np.ones((9, 9), np.int32)),
        Superpixels(np.zeros((2, 5)), np.ones(2, np.int32)),
        smoothness=1.0,
    )
    assert relaxed[4, 2] == 0
    assert np.array_equal(relaxed[:, 6:], labels[:, 6:])


def test_without_weight_on_smoothness_features_alone_decide() -> None:
    labels = np.tile(np.int32([0, 1]), (4, 4))
    features = np.zeros((32, 5), np.float32)
    features[:, 0] = np.arange(32)
    means = np.zeros((2, 5))
    means[:, 0] = [0, 31]
    relaxed = relax_borders(
        Pixels(labels, features, np.ones((4, 8), np.int32)),
        Superpixels(means, np.ones(2, np.int32)),
        smoothness=0.0,
        rounds=1,
    )
    assert np.array_equal(relaxed.ravel(), (np.arange(32) > 15).astype(np.int32))


def test_of_equal_others_the_highest_is_taken() -> None:
    labels = np.int32([[1, 0, 2]])
    means = np.zeros((3, 5))
    means[0] = 9.0
    relaxed = relax_borders(
        Pixels(labels, np.zeros((3, 5), np.float32), np.ones((1, 3), np.int32)),
        Superpixels(means, np.ones(3, np.int32)),
        smoothness=1.0,
        rounds=1,
    )
    assert relaxed.tolist() == [[1, 2, 2]]


def test_any_number_of_threads_relaxes_alike() -> None:
    rng = np.random.default_rng(8)
    labels = rng.integers(0, 30, (90, 70)).astype(np.int32)
    features = scaled_features(lab_image(rng, 90, 70), 30)
    means = rng.normal(size=(30, 5))
    contour = rng.random((90, 70), np.float32)
    results = []
    for n in (1, 2, 3):
        with at_most(n):
            results.append(
                relax_borders(
                    Pixels(labels, features, np.ones((90, 70), np.int32), contour),
                    Superpixels(means, np.ones(30, np.int32)),
                    smoothness=9.0,
                )
            )
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()
