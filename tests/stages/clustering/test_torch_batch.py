"""The torch back end as the segmentation uses it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.clustering.backends import cluster_tasks
from spam_pipe.stages.clustering.spam import lay_out, spam, spam_batch
from spam_pipe.stages.clustering.task import Problem
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.networks.engines import Model
from spam_pipe.stages.networks.memory import encoder, forward_on_device
from spam_pipe.stages.segment.stage import SegmentStage
from tests.conftest import PROJECT
from tests.stages.clustering.segment_strategies import scenes
from tests.stages.clustering.test_spam import check

NUMBA, TORCH = SegmentConfig(backend="numba"), SegmentConfig(backend="torch")
TRUNK = Model("trunk", "torch", "cpu")
PAPER = SegmentConfig(backend="torch", mode="paper")
NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def photograph(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """Blocks of colour in noise."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (-(-height // 12), -(-width // 12), 3))
    picture = np.kron(blocks, np.ones((12, 12, 1)))[:height, :width]
    noisy = np.clip(picture + rng.normal(0, 12, picture.shape), 0, 255)
    return noisy.astype(np.uint8)


def tasks_of_all_kinds() -> list[Problem]:
    """Three images of different sizes and counts: prior, uncertainty, density, contour."""
    rng = np.random.default_rng(0)
    tasks = []
    for number, (height, width, count) in enumerate([(40, 60, 20), (1, 1, 1), (33, 21, 50)]):
        objects = np.ones((height, width), int)
        objects[: height // 2] = 2
        objects[rng.random((height, width)) < 0.1] = 0
        objects[0, 0] = 1
        tasks.append(
            lay_out(
                rgb_to_lab(photograph(number, height, width)),
                count,
                objects=objects,
                density=np.array([1.5, 1.0]) if number == 0 else None,
                contour=rng.random((height, width), np.float32) if number == 2 else None,
                deep=rng.normal(size=(height, width, 3)).astype(np.float32),
                config=TORCH,
            )
        )
    return tasks


def agreement(tasks: list[Problem], device: str = "cpu") -> list[float]:
    """Share of equal labels before connectivity, numba beside torch."""
    pairs = zip(
        cluster_tasks(tasks, NUMBA, "cpu"), cluster_tasks(tasks, TORCH, device), strict=True
    )
    return [float((ours.labels == theirs.labels).mean()) for theirs, ours in pairs]


def test_a_batch_is_what_each_is_alone() -> None:
    tasks = tasks_of_all_kinds()
    together = list(cluster_tasks(tasks, TORCH, "cpu"))
    assert len(together) == 3
    for task, found in zip(tasks, together, strict=True):
        (alone,) = cluster_tasks([task], TORCH, "cpu")
        assert found.labels.shape == task.objects.shape
        assert found.labels.dtype == np.int32
        assert np.array_equal(found.labels, alone.labels)
        assert np.array_equal(found.features, alone.features)


def test_features_are_those_of_numba_to_the_bit() -> None:
    tasks = tasks_of_all_kinds()
    pairs = zip(cluster_tasks(tasks, NUMBA, "cpu"), cluster_tasks(tasks, TORCH, "cpu"), strict=True)
    for theirs, ours in pairs:
        assert ours.features.tobytes() == theirs.features.tobytes()


def test_nothing_to_do_is_nothing_done() -> None:
    assert list(spam_batch([], config=TORCH)) == []


@pytest.mark.parametrize("count", [100, 400])
def test_back_ends_agree_on_a_photograph(bsd_root: Path, count: int) -> None:
    path = sorted((bsd_root / "images" / "val").glob("*.jpg"))[3]
    lab = rgb_to_lab(np.asarray(Image.open(path).convert("RGB"))[:200, :300])
    seen = encoder(TRUNK).forward(lab)
    deep = lay_out(lab, count, deep=seen.deep, contour=seen.contour)
    (with_deep,), (without,) = agreement([deep]), agreement([lay_out(lab, count)])
    assert with_deep >= 0.999
    assert without >= 0.999


@given(scenes())
@settings(max_examples=30, deadline=None)
def test_default_mode_holds_its_promises(
    scene: tuple[NDArray[np.float32], NDArray[np.uint16] | None, int],
) -> None:
    lab, objects, count = scene
    check(spam(lab, count, objects=objects, config=TORCH), objects, count, exact=True)


@given(scenes())
@settings(max_examples=30, deadline=None)
def test_paper_mode_holds_its_promises(
    scene: tuple[NDArray[np.float32], NDArray[np.uint16] | None, int],
) -> None:
    lab, objects, count = scene
    check(spam(lab, count, objects=objects, config=PAPER), objects, count, exact=False)


def test_the_stage_hands_tensors_over() -> None:
    image = photograph(4, 50, 70)
    lab = rgb_to_lab(image)
    stage = SegmentStage()
    resources = stage.setup(TORCH, "cpu")
    inputs = Inputs(image=image, image_digest="handed over")
    outputs = list(stage.run(inputs, TORCH, resources, [12, 30]))
    model = TORCH.deep_model("cpu")
    assert model is not None
    seen = encoder(model).forward(lab)
    for output, count in zip(outputs, (12, 30), strict=True):
        expected = spam(lab, count, deep=seen.deep, contour=seen.contour, config=TORCH)
        assert np.array_equal(output.arrays["labels"], expected)


def test_what_a_network_computed_is_found_again() -> None:
    lab = rgb_to_lab(photograph(5, 30, 20))
    first = forward_on_device(TRUNK, "found again", lab)
    assert forward_on_device(TRUNK, "found again", lab) is first
    arrays = first.to_arrays()
    assert arrays.contour is not None
    assert arrays.deep.shape[:2] == arrays.contour.shape == (30, 20)
    assert arrays.deep.flags.c_contiguous


def test_the_device_chooses_unless_the_user_does() -> None:
    chosen = {
        (backend, device): SegmentConfig(backend=backend).uses_torch(device)
        for backend in ("auto", "numba", "torch")
        for device in ("cpu", "cuda", "cuda:1")
    }
    assert [name for name, uses in chosen.items() if uses] == [
        ("auto", "cuda"),
        ("auto", "cuda:1"),
        ("torch", "cpu"),
        ("torch", "cuda"),
        ("torch", "cuda:1"),
    ]


def test_without_need_torch_is_not_imported() -> None:
    script = (
        "import sys, numpy as np\n"
        "from spam_pipe.stages.clustering.spam import spam\n"
        "spam(np.zeros((5, 6, 3), np.float32), 4)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=PROJECT, check=False).returncode == 0


def test_a_mixed_batch_is_refused() -> None:
    lab = rgb_to_lab(photograph(1, 9, 9))
    plain, deep = lay_out(lab, 4), lay_out(lab, 4, deep=np.zeros((9, 9, 2), np.float32))
    with pytest.raises(ValueError, match=r"one number of deep features, this one \[0, 2\]"):
        list(cluster_tasks([plain, deep], TORCH, "cpu"))
    brief = lay_out(lab, 4, config=SegmentConfig(iterations=3))
    with pytest.raises(ValueError, match="one number of iterations"):
        list(cluster_tasks([plain, brief], TORCH, "cpu"))


def test_deep_features_of_another_size_are_refused() -> None:
    deep = torch.zeros(8, 9, 2)
    with pytest.raises(ValueError, match=r"deep features are \(8, 9, 2\) where the image is"):
        spam(rgb_to_lab(photograph(1, 9, 9)), 4, deep=deep, config=TORCH)


@NEEDS_GPU
def test_a_gpu_agrees_with_numba() -> None:
    assert min(agreement(tasks_of_all_kinds(), "cuda")) >= 0.999


@NEEDS_GPU
def test_the_stage_runs_on_a_gpu_and_repeats_itself() -> None:
    stage, config = SegmentStage(), SegmentConfig()
    inputs = Inputs(image=photograph(4, 321, 481), image_digest="on a gpu")
    resources = stage.setup(config, "cuda")
    runs = [list(stage.run(inputs, config, resources, [100, 400])) for _ in range(2)]
    for first, second, count in zip(*runs, (100, 400), strict=True):
        assert first.attributes["n_superpixels"] == count
        assert np.array_equal(first.arrays["labels"], second.arrays["labels"])
