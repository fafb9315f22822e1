"""Images at work in several threads: who computes first computes for those that wait."""

import gc
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.networks import announced, batching, memory
from spam_pipe.stages.networks.announced import announce
from spam_pipe.stages.networks.engines import Model
from spam_pipe.stages.networks.forward import Computed
from spam_pipe.stages.networks.torch_encoder import TorchEncoder
from spam_pipe.stages.propose.config import ContourConfig, ProposeConfig
from spam_pipe.stages.propose.stage import ProposeStage
from spam_pipe.stages.segment.stage import SegmentStage
from tests.stages.networks.test_batching import CPU, Drifting, Pointwise

MODEL = Model("w", "torch", "cpu")


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pointwise]:
    """The network of all weights; sizes of batches are tried out for images of 70x60."""
    yield from _installed(Pointwise(), monkeypatch)


def _installed(network: Pointwise, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    encoder = TorchEncoder(network, CPU)
    monkeypatch.setattr(memory, "encoder", lambda model: encoder)
    monkeypatch.setattr(batching, "SHARED_ON", {"cpu"})
    for store in (memory._on_device, memory._in_memory):
        store.clear()
    for size in (2, 4, 8):
        batching.shared_size(encoder, (70, 60), size)
    network.batches.clear()
    yield network
    for store in (memory._on_device, memory._in_memory):
        store.clear()


def image(number: int, shape: tuple[int, int] = (70, 60)) -> Inputs:
    pixels = np.random.default_rng(number).integers(0, 256, (*shape, 3)).astype(np.uint8)
    return Inputs(image=pixels, image_digest=f"{number}-{shape}")


def ask(inputs: Inputs) -> Computed:
    return memory.forward_on_device(
        MODEL, inputs.image_digest, rgb_to_lab(np.asarray(inputs.image))
    )


def alone(inputs: Inputs) -> bytes:
    seen = TorchEncoder(Pointwise(), CPU).forward(rgb_to_lab(np.asarray(inputs.image)))
    return seen.deep.tobytes()


def test_threads_share_a_forward(network: Pointwise) -> None:
    announcing, computing = threading.Barrier(4), threading.Lock()
    found: dict[int, bytes] = {}

    def work(number: int) -> None:
        own = image(number)
        held = announce(MODEL, own)
        announcing.wait()
        with computing:
            found[number] = ask(own).to_arrays().deep.tobytes()
        del held

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert network.batches == [4]
    assert found == {number: alone(image(number)) for number in range(4)}


def test_those_left_over_go_with_the_next(network: Pointwise) -> None:
    images = [image(number) for number in range(7)]
    held = [announce(MODEL, each) for each in images]
    found = [ask(each).to_arrays().deep.tobytes() for each in images]
    assert network.batches == [4, 2, 1]
    assert found == [alone(each) for each in images]
    assert len(held) == 7


def test_only_what_fits_goes_along(network: Pointwise, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other_size, gone = image(0), image(1, (60, 70)), image(2)
    held = [announce(MODEL, own), announce(MODEL, other_size)]
    held += [announce(MODEL._replace(weights="other"), image(3)), announce(MODEL, replace(own))]
    announce(MODEL, gone)
    gc.collect()
    assert held[0] is held[3]
    ask(own)
    assert network.batches == [1]
    monkeypatch.setattr(batching, "LARGEST_WHOLE", 70 * 60 * 3)
    several = [announce(MODEL, image(number)) for number in range(4, 8)]
    ask(image(4))
    assert network.batches == [1, 2]
    assert [each.computed is not None for each in several if each] == [True, True, False, False]


def test_a_bad_image_fails_alone(network: Pointwise, monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt, wrong = image(1), image(2)
    wrong = replace(wrong, image=np.zeros((70, 60, 3), np.float32))

    def convert(pixels: Any) -> Any:
        lab = rgb_to_lab(pixels)
        return lab * np.float32(np.nan) if pixels is spoilt.image else lab

    monkeypatch.setattr(announced, "rgb_to_lab", convert)
    images = [image(0), spoilt, wrong, image(3)]
    held = [announce(MODEL, each) for each in images]
    assert ask(images[0]).to_arrays().deep.tobytes() == alone(images[0])
    assert [each.computed is not None for each in held if each] == [True, False, False, True]
    with pytest.raises(ValueError, match="NaN"):
        memory.forward_on_device(MODEL, spoilt.image_digest, convert(spoilt.image))
    with pytest.raises(ValueError, match="uint8"):
        ask(wrong)
    assert ask(images[3]).to_arrays().deep.tobytes() == alone(images[3])
    assert network.batches == [4]


def test_a_device_too_small_for_several_takes_one(
    network: Pointwise, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(encoder: TorchEncoder, labs: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(TorchEncoder, "forward_batch", full)
    images = [image(number) for number in range(3)]
    held = [announce(MODEL, each) for each in images]
    found = [ask(each).to_arrays().deep.tobytes() for each in images]
    assert found == [alone(each) for each in images]
    assert network.batches == [1, 1, 1]
    assert len(held) == 3


def test_company_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    (drifting,) = (next(_installed(Drifting(), monkeypatch)),)
    held = [announce(MODEL, image(number)) for number in range(4)]
    ask(image(0))
    assert drifting.batches == [1]
    assert len(held) == 4


def test_what_is_at_work_is_not_forgotten(network: Pointwise) -> None:
    held = announce(MODEL, image(0))
    first = ask(image(0))
    for number in range(1, 6):
        ask(image(number))
    assert ask(image(0)) is first
    del held
    for number in range(1, 6):
        ask(image(number))
    assert ask(image(0)) is not first


def test_without_a_digest_nothing_is_said() -> None:
    assert announce(MODEL, replace(image(0), image_digest="")) is None
    assert announce(MODEL, Inputs()) is None


@pytest.mark.parametrize("gaps", [False, True])
def test_stages_announce_what_they_ask_for(network: Pointwise, gaps: bool) -> None:
    inputs = image(0)
    if gaps:
        valid = np.ones((70, 60), bool)
        valid[2:5, 3] = False
        inputs = replace(inputs, valid=valid)
    contours = ContourConfig(engine="torch")
    others = [announce(contours.model("cpu"), image(number)) for number in (1, 2, 3)]
    propose, config = ProposeStage(), ProposeConfig(contour=contours)
    held: Any = propose.announce(inputs, config, "cpu")
    resources = propose.setup(config, "cpu")
    network.batches.clear()
    next(propose.run(inputs, config, resources, [None]))
    assert network.batches == [4]
    assert held.computed is not None
    segment, options = SegmentStage(), SegmentConfig(backend="torch", engine="torch")
    assert segment.announce(inputs, options, "cpu") is held
    list(segment.run(inputs, options, segment.setup(options, "cpu"), [4, 9]))
    assert network.batches == [4]
    assert len(others) == 3


def test_stages_that_ask_no_network_say_nothing() -> None:
    large = SegmentConfig(block_pixels=10_000)
    assert ProposeStage().announce(image(0), ProposeConfig(source="none"), "cpu") is None
    assert SegmentStage().announce(image(0), SegmentConfig(network="none"), "cpu") is None
    assert SegmentStage().announce(image(0, (101, 100)), large, "cpu") is None
