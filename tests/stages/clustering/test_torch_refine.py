import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.clustering import relax_borders as refine
from spam_pipe.stages.clustering.features import scaled_features
from spam_pipe.stages.clustering.torch_refine import Pixels, Superpixels, relax_borders
from tests.stages.clustering.segment_strategies import lab_image


def scene(
    seed: int, n_deep: int, with_contour: bool, weighted: bool, shape: tuple[int, int]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels in disorder, and what else there is of their pixels and superpixels."""
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.int32([1, 2]), 3)
    objects = rng.choice(np.int32([1, 2]), shape)
    labels = ((objects - 1) * 3 + rng.integers(0, 3, shape)).astype(np.int32)
    objects[rng.random(shape) < 0.3] = 0
    deep = rng.normal(size=(*shape, n_deep)).astype(np.float32)
    features = scaled_features(lab_image(rng, *shape), 6, deep=deep)
    # No two alike: the order among equally good labels, but for the present one, is open.
    means = features[rng.integers(0, len(features), 6)] + rng.normal(size=(6, n_deep + 5))
    arguments = {
        "features": features,
        "means": means,
        "objects": objects,
        "owners": owners,
    }
    if with_contour:
        arguments["contour"] = rng.random(shape, np.float32)
    if weighted:
        arguments["spatial_factor"] = rng.uniform(0.3, 3, 6)
    return labels, arguments


def relax(
    scenes: list[tuple[np.ndarray, dict[str, np.ndarray]]],
    *,
    smoothness: float,
    device: str = "cpu",
    **options: float,
) -> list[np.ndarray]:
    """Relax several scenes in one go."""
    first = np.cumsum([0] + [len(arguments["means"]) for _, arguments in scenes])
    shapes = [labels.shape for labels, _ in scenes]

    def joined(name: str) -> torch.Tensor:
        arrays = [arguments[name] for _, arguments in scenes]
        flat = [a.reshape(-1) if name in ("objects", "contour") else a for a in arrays]
        found = torch.from_numpy(np.concatenate(flat)).to(device)
        return found.long() if name in ("objects", "owners") else found

    numbered = [labels.ravel() + n for (labels, _), n in zip(scenes, first, strict=False)]
    present = scenes[0][1].keys()
    relaxed = relax_borders(
        Pixels(
            torch.from_numpy(np.concatenate(numbered)).to(device),
            joined("features"),
            joined("objects"),
            joined("contour") if "contour" in present else None,
        ),
        shapes,
        Superpixels(
            joined("means"),
            joined("owners"),
            torch.full((int(first[-1]),), smoothness, device=device),
            joined("spatial_factor") if "spatial_factor" in present else None,
        ),
        **options,
    )
    parts = relaxed.cpu().split([height * width for height, width in shapes])
    return [
        (part - int(n)).numpy().reshape(shape)
        for part, n, shape in zip(parts, first, shapes, strict=False)
    ]


def compiled(labels: np.ndarray, arguments: dict[str, np.ndarray], **options: float) -> np.ndarray:
    """Return what the compiled kernels make of a scene."""
    pixels = refine.Pixels(
        labels, arguments["features"], arguments["objects"], arguments.get("contour")
    )
    superpixels = refine.Superpixels(
        arguments["means"], arguments["owners"], arguments.get("spatial_factor")
    )
    return refine.relax_borders(pixels, superpixels, **options)


@given(
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.booleans(),
    st.integers(1, 12),
    st.integers(1, 14),
    st.integers(1, 14),
)
@settings(max_examples=60, deadline=None)
def test_a_round_is_that_of_the_compiled_kernels(
    seed: int, with_contour: bool, weighted: bool, n_deep: int, height: int, width: int
) -> None:
    labels, arguments = scene(seed, n_deep, with_contour, weighted, (height, width))
    options = {"smoothness": 7.0, "contour_decay": 3.0, "rounds": 1}
    expected = compiled(labels, arguments, **options)
    (relaxed,) = relax([(labels, arguments)], **options)
    # One decision may hang on the last bit of a sum.
    assert (relaxed != expected).sum() <= 1


@pytest.mark.parametrize("with_contour", [False, True])
def test_all_rounds_are_those_of_the_compiled_kernels(with_contour: bool) -> None:
    labels, arguments = scene(5, 6, with_contour, True, (60, 50))
    expected = compiled(labels, arguments, smoothness=2.0)
    (relaxed,) = relax([(labels, arguments)], smoothness=2.0)
    assert np.array_equal(relaxed, expected)
    assert (relaxed != labels).mean() > 0.1


def test_maps_of_a_batch_don_t_see_one_another() -> None:
    scenes = [
        scene(seed, 3, True, True, shape) for seed, shape in enumerate([(9, 30), (1, 1), (25, 7)])
    ]
    together = relax(scenes, smoothness=4.0)
    for found, alone in zip(together, scenes, strict=True):
        assert np.array_equal(found, relax([alone], smoothness=4.0)[0])


def test_ties_keep_the_present_label() -> None:
    # Two halves, alike in everything: each pixel of the border has as many of either.
    labels = np.zeros((7, 4), np.int32)
    labels[:, 2:] = 1
    arguments = {
        "features": np.zeros((28, 5), np.float32),
        "means": np.zeros((2, 5)),
        "objects": np.ones((7, 4), np.int32),
        "owners": np.ones(2, np.int32),
    }
    assert np.array_equal(relax([(labels, arguments)], smoothness=1.0)[0], labels)
    assert np.array_equal(relax([(labels, arguments)], smoothness=0.0)[0], labels)


def test_contours_that_let_nothing_through_leave_numbers() -> None:
    labels, arguments = scene(3, 2, True, False, (12, 10))
    options = {"smoothness": 3.0, "contour_decay": 500.0}
    (relaxed,) = relax([(labels, arguments)], **options)
    assert np.array_equal(relaxed, compiled(labels, arguments, **options))
    assert (relaxed != labels).any()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_relaxes_alike_and_alike_again() -> None:
    part = scene(5, 6, True, True, (60, 50))
    on_cpu = relax([part], smoothness=2.0)[0]
    on_gpu = [relax([part], smoothness=2.0, device="cuda")[0] for _ in range(2)]
    assert np.array_equal(*on_gpu)
    assert (on_gpu[0] == on_cpu).mean() >= 0.999
