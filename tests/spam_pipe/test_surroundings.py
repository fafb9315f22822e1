"""The functions leave a process as they found it, and compute the same whatever it has set."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import spam_pipe
from spam_pipe.stages.networks import memory
from spam_pipe.stages.networks.engines import load

IMAGE = np.random.default_rng(4).integers(0, 255, (40, 56, 3)).astype(np.uint8)

CHANGES = """
import os, sys
import numpy as np
import torch

def state():
    return {
        "environment": dict(os.environ),
        "torch random state": torch.get_rng_state().tolist(),
        "numpy random state": str(np.random.get_state()),
        "default dtype": torch.get_default_dtype(),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "gradients": torch.is_grad_enabled(),
        "floating-point errors": np.geterr(),
        "working folder": os.getcwd(),
        "recursion": sys.getrecursionlimit(),
    }

torch.manual_seed(3)
before = state()
import spam_pipe
after_import = state()
segmenter = spam_pipe.Segmenter()
after_making = state()
image = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
labels = segmenter.segment(image, 12)
spam_pipe.segment(image, 12, prior="gradient")
spam_pipe.evaluate(labels, image, labels)
spam_pipe.features(image)
from spam_pipe.stages.networks.engines import load
for engine in ("onnxruntime", "torch"):
    load("efficientunet", engine=engine).forward(np.float32(image) / 3)
after_use = state()
for name, after in (("import", after_import), ("Segmenter()", after_making), ("use", after_use)):
    for key in before:
        if before[key] != after[key]:
            print(name, "changed the", key, before[key], after[key])
"""


def test_a_process_is_left_as_it_was() -> None:
    command = [sys.executable, "-c", CHANGES]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout == ""


@contextmanager
def double_precision() -> AbstractContextManager[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


SURROUNDINGS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "float64": double_precision,
    "inference_mode": torch.inference_mode,
    "default device": lambda: torch.device("meta"),
    "gradients": torch.enable_grad,
}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_labels_are_the_same_in_all_surroundings(name: str) -> None:
    expected = made_anew(nullcontext)
    # The network loaded there and used there; then what was loaded there, used elsewhere.
    assert np.array_equal(made_anew(SURROUNDINGS[name]), expected)
    assert np.array_equal(spam_pipe.segment(IMAGE[::-1], 12)[:0], expected[:0])
    assert np.array_equal(spam_pipe.segment(IMAGE.copy(), 12), expected)


@pytest.mark.parametrize("name", SURROUNDINGS)
@pytest.mark.parametrize("weights", ["efficientunet", "ssn"])
def test_torch_computes_the_same_in_all_surroundings(weights: str, name: str) -> None:
    positions = np.random.default_rng(6).normal(0, 1, (40, 56, 5)).astype(np.float32)
    lab = positions[..., :3] * np.float32(30)
    outside = load(weights, engine="torch")
    expected = outside.forward(lab, positions)
    with SURROUNDINGS[name]():
        inside = load(weights, engine="torch")
        found = [outside.forward(lab, positions), inside.forward(lab, positions)]
    found.append(inside.forward(lab, positions))
    for each in found:
        assert each.deep.dtype == np.float32
        assert np.array_equal(each.deep, expected.deep)
        assert (each.contour is None) == (expected.contour is None)
        if each.contour is not None and expected.contour is not None:
            assert np.array_equal(each.contour, expected.contour)


def made_anew(surroundings: Callable[[], AbstractContextManager[object]]) -> NDArray[np.int64]:
    """Segment with networks that are loaded for it."""
    forget()
    with surroundings():
        return spam_pipe.segment(IMAGE, 12)


def forget() -> None:
    memory.encoder.cache_clear()
    memory._on_device.clear()
    memory._in_memory.clear()


def test_loading_draws_no_random_numbers() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    for name in ("trunk", "ssn", "efficientunet"):
        load(name, engine="torch")
        load(name, engine="onnxruntime")
    assert torch.equal(torch.rand(3), expected)
