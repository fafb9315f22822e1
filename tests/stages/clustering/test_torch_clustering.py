import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.clustering import soft_clustering as clustering
from spam_pipe.stages.clustering.candidates import candidate_seeds, uncertain_candidate_seeds
from spam_pipe.stages.clustering.features import scaled_features
from spam_pipe.stages.clustering.nearest import settle_seeds
from spam_pipe.stages.clustering.seeds import lattice_seeds
from spam_pipe.stages.clustering.torch_clustering import cluster
from spam_pipe.stages.clustering.torch_tiles import TILE, sum_groups, tile_pixels
from tests.stages.clustering.segment_strategies import lab_image


def problem(
    seed: int, n_deep: int, split: bool, weighted: bool
) -> tuple[tuple[np.ndarray, ...], dict[str, np.ndarray]]:
    """Arguments of `cluster`: one object, or two with uncertain pixels; factors where weighted."""
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
    lists = candidate_seeds(positions, counts, 1.65 * np.sqrt(objects.size / counts.sum()))
    options = {
        "uncertain": objects.ravel() == 0,
        "uncertain_candidates": uncertain_candidate_seeds(positions),
    }
    if weighted:
        options["spatial_factor"] = np.repeat(rng.uniform(0.3, 3, counts.size), counts)
    return (features, initial.ravel(), lists), options


def tensor(array: np.ndarray, device: str = "cpu") -> torch.Tensor:
    found = torch.from_numpy(array).to(device)
    return found.long() if found.dtype == torch.int32 else found


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 25),
    st.integers(1, 6),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_does_what_the_compiled_kernels_do(
    seed: int, n_deep: int, iterations: int, split: bool, weighted: bool
) -> None:
    arrays, options = problem(seed, n_deep, split, weighted)
    expected, expected_means = clustering.cluster(*arrays, iterations, **options)
    labels, means = cluster(
        *map(tensor, arrays), iterations, **{name: tensor(a) for name, a in options.items()}
    )
    np.testing.assert_allclose(means.numpy(), expected_means, rtol=1e-3, atol=2e-3)
    # Where labels differ the two distances are equal but for rounding.
    features, factors = arrays[0].astype(np.float64), options.get("spatial_factor")
    for pixel in np.flatnonzero(labels.numpy() != expected):
        pair = [expected[pixel], int(labels[pixel])]
        squared = (features[pixel] - expected_means[pair]) ** 2
        if factors is not None:
            squared[:, -2:] *= factors[pair, None]
        ours, theirs = squared.sum(axis=1)
        assert abs(ours - theirs) <= 1e-2 + 1e-3 * ours


def test_parts_of_a_batch_don_t_see_one_another() -> None:
    parts = [problem(seed, 4, split=True, weighted=True) for seed in (1, 2, 3)]
    alone = [
        cluster(*map(tensor, arrays), 6, **{name: tensor(a) for name, a in options.items()})
        for arrays, options in parts
    ]
    first = np.cumsum([0] + [len(arrays[2]) for arrays, _ in parts])

    def joined(arrays: list[np.ndarray], numbered: bool = False) -> torch.Tensor:
        shifts = first[: len(arrays)] if numbered else [0] * len(arrays)
        moved = [
            np.where(a < 0, a, a + s) if numbered else a
            for a, s in zip(arrays, shifts, strict=True)
        ]
        return tensor(np.concatenate(moved))

    labels, means = cluster(
        joined([arrays[0] for arrays, _ in parts]),
        joined([arrays[1] for arrays, _ in parts], numbered=True),
        joined([arrays[2] for arrays, _ in parts], numbered=True),
        6,
        uncertain=joined([options["uncertain"] for _, options in parts]),
        uncertain_candidates=joined(
            [options["uncertain_candidates"] for _, options in parts], numbered=True
        ),
        spatial_factor=joined([options["spatial_factor"] for _, options in parts]),
    )
    own_labels = torch.cat([own + int(n) for (own, _), n in zip(alone, first, strict=False)])
    assert torch.equal(labels, own_labels)
    assert torch.equal(means, torch.cat([own for _, own in alone]))


def test_any_number_of_threads_gives_the_same_bytes() -> None:
    arrays, options = problem(7, 9, split=True, weighted=True)
    threads = torch.get_num_threads()
    results = []
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            labels, means = cluster(
                *map(tensor, arrays), 10, **{name: tensor(a) for name, a in options.items()}
            )
            results.append((labels.numpy().tobytes(), means.numpy().tobytes()))
    finally:
        torch.set_num_threads(threads)
    assert results[0] == results[1]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_tiles_hold_each_pixel_once_with_those_of_its_group(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = torch.from_numpy(rng.choice(rng.integers(0, 9, 5), rng.integers(1, 600)))
    features = torch.from_numpy(rng.normal(size=(groups.numel(), 3)).astype(np.float32))
    tiles = tile_pixels(features, groups, 9)
    flat = tiles.values.transpose(1, 2).reshape(-1, 4)
    assert torch.equal(flat[tiles.slots, :3], features)
    assert torch.equal(tiles.groups[tiles.slots // TILE], groups)
    assert flat[:, 3].sum() == groups.numel()
    assert (flat[flat[:, 3] == 0] == 0).all()
    assert torch.equal(tiles.lengths, torch.bincount(tiles.groups, minlength=9))
    ranks = torch.stack([groups, tiles.slots]).numpy()
    assert (np.diff(tiles.slots.numpy()[np.lexsort(ranks[::-1])]) > 0).all()


def test_runs_are_summed_and_empty_ones_are_zero() -> None:
    values = torch.arange(12, dtype=torch.float32).view(4, 3)
    sums = sum_groups(values, torch.tensor([0, 3, 0, 1]))
    assert sums.tolist() == [[0, 0, 0], [9, 12, 15], [0, 0, 0], [9, 10, 11]]
    assert sums.dtype == torch.float64


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_does_the_same_and_the_same_again() -> None:
    arrays, options = problem(11, 15, split=True, weighted=True)
    results = {}
    for device in ("cpu", "cuda"):
        moved = {name: tensor(a, device) for name, a in options.items()}
        inputs = [tensor(a, device) for a in arrays]
        labels, means = cluster(*inputs, 10, **moved)
        again, means_again = cluster(*inputs, 10, **moved)
        assert labels.device.type == device
        assert torch.equal(labels, again)
        assert torch.equal(means, means_again)
        results[device] = labels.cpu(), means.cpu()
    assert (results["cpu"][0] == results["cuda"][0]).float().mean() >= 0.999
    torch.testing.assert_close(results["cpu"][1], results["cuda"][1], rtol=1e-3, atol=2e-3)
