from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.networks import batching
from spam_pipe.stages.networks.base import Network, Prediction
from spam_pipe.stages.networks.batching import shared_size
from spam_pipe.stages.networks.config import SsnConfig, TrunkConfig
from spam_pipe.stages.networks.engines import load
from spam_pipe.stages.networks.folding import fold_norms
from spam_pipe.stages.networks.registry import build
from spam_pipe.stages.networks.torch_encoder import TorchEncoder

CPU = torch.device("cpu")
SMALL = TrunkConfig(widths=(4, 4, 6, 6, 8), up_widths=(4, 4, 6, 6), channels=3)


class Pointwise(Network):
    """A network whose batches are exact on every machine; it counts them."""

    takes_positions = False
    reach = 0
    stride = 1

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def forward(self, features: torch.Tensor) -> Prediction:
        self.batches.append(len(features))
        return Prediction(features * 2, (features[:, :1] / 64,))


class Drifting(Pointwise):
    """A network whose results depend on how many images it is given."""

    def forward(self, features: torch.Tensor) -> Prediction:
        deep, contours = super().forward(features)
        return Prediction(deep + 1e-5 * len(features), contours)


@pytest.fixture(autouse=True)
def _on_processors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(batching, "SHARED_ON", {"cpu"})
    return


@pytest.fixture(scope="module")
def small() -> TorchEncoder:
    torch.manual_seed(0)
    return TorchEncoder(fold_norms(build(SMALL)), CPU)


@pytest.fixture(scope="module")
def heavy() -> TorchEncoder:
    """A network with as much to do at its coarsest scale as at its finest."""
    torch.manual_seed(0)
    config = TrunkConfig(
        widths=(4, 8, 32, 128, 512), blocks=(0, 0, 0, 0, 1), up_widths=(4, 8, 32, 128), channels=3
    )
    return TorchEncoder(fold_norms(build(config)), CPU)


def picture(seed: int, height: int, width: int) -> NDArray[np.float32]:
    """Noise, or for every third seed one colour, in which all sums are alike."""
    random = np.random.default_rng(seed)
    shape = (1, 1, 3) if seed % 3 == 0 else (height, width, 3)
    lab = random.uniform((0, -60, -60), (100, 60, 60), shape).astype(np.float32)
    return np.broadcast_to(lab, (height, width, 3)).copy()


def require_equal(encoder: TorchEncoder, labs: list[NDArray[np.float32]]) -> None:
    for seen, lab in zip(encoder.forward_batch(labs), labs, strict=True):
        together, alone = seen.to_arrays(), encoder.forward(lab)
        assert together.deep.shape == (*lab.shape[:2], together.deep.shape[2])
        assert together.deep.tobytes() == alone.deep.tobytes()
        assert together.contour is not None
        assert alone.contour is not None
        assert together.contour.tobytes() == alone.contour.tobytes()


@given(st.integers(1, 90), st.integers(1, 90), st.integers(2, 9), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_an_allowed_batch_is_what_each_is_alone(
    small: TorchEncoder, height: int, width: int, wanted: int, seed: int
) -> None:
    # Processors sum small images in other ways alone than together.
    size = shared_size(small, (height, width), wanted)
    assert size <= wanted
    if size > 1:
        require_equal(small, [picture(seed + n, height, width) for n in range(size)])


@given(st.integers(110, 125), st.integers(110, 125), st.integers(2, 4), st.integers(0, 1000))
@settings(max_examples=12, deadline=None)
def test_an_allowed_batch_of_much_work_is_what_each_is_alone(
    heavy: TorchEncoder, height: int, width: int, wanted: int, seed: int
) -> None:
    size = shared_size(heavy, (height, width), wanted)
    if size > 1:
        require_equal(heavy, [picture(seed + n, height, width) for n in range(size)])


def test_photographs_through_the_shipped_network(bsd_root) -> None:
    encoder = load("trunk", engine="torch")
    paths = sorted((bsd_root / "images" / "val").glob("*.jpg"))
    images = [np.asarray(Image.open(path).convert("RGB")) for path in paths[:12]]
    labs = [rgb_to_lab(image[:300, :300]) for image in images]
    for wanted in (2, 4):
        size = shared_size(encoder, (300, 300), wanted)
        if size > 1:
            require_equal(encoder, labs[:size])


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_any_batch_is_close_to_what_each_is_alone(
    small: TorchEncoder, height: int, width: int, n: int
) -> None:
    labs = [picture(seed, height, width) for seed in range(n)]
    for seen, lab in zip(small.forward_batch(labs), labs, strict=True):
        np.testing.assert_allclose(seen.deep, small.forward(lab).deep, rtol=0, atol=1e-4)


def test_what_depends_on_its_company_goes_alone() -> None:
    encoder = TorchEncoder(Drifting(), CPU)
    assert [shared_size(encoder, (66, 67), wanted) for wanted in (1, 2, 5, 9)] == [1] * 4


def test_a_size_is_tried_out_once_for_each_shape() -> None:
    network = Pointwise()
    encoder = TorchEncoder(network, CPU)
    sizes = [shared_size(encoder, (66, 67), wanted) for wanted in (1, 2, 3, 4, 7, 20)]
    assert sizes == [1, 2, 2, 4, 4, 8]
    assert network.batches == [2, 1, 1, 4, 1, 1, 1, 1, 8, *[1] * 8]
    shared_size(encoder, (66, 67), 8)
    assert len(network.batches) == 17
    shared_size(encoder, (67, 66), 2)
    assert network.batches[17:] == [2, 1, 1]


def test_a_batch_has_no_more_pixels_than_a_whole_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "LARGEST_WHOLE", 42_000)
    encoder = TorchEncoder(Pointwise(), CPU)
    sizes = {
        shape: shared_size(encoder, shape, 8)
        for shape in [(50, 100), (100, 100), (210, 100), (210, 101)]
    }
    assert sizes == {(50, 100): 8, (100, 100): 4, (210, 100): 2, (210, 101): 1}


def test_processors_and_positions_share_nothing(
    small: TorchEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssn = TorchEncoder(fold_norms(build(SsnConfig(width=4, channels=3))), CPU)
    assert shared_size(ssn, (300, 300), 8) == 1
    monkeypatch.undo()
    assert shared_size(TorchEncoder(Pointwise(), CPU), (80, 80), 8) == 1


def test_an_image_of_few_pixels_goes_alone() -> None:
    encoder = TorchEncoder(Pointwise(), CPU)
    assert [shared_size(encoder, shape, 2) for shape in [(1, 1), (63, 65), (64, 64)]] == [1, 1, 2]


def test_an_image_keeps_no_memory_of_the_others(small: TorchEncoder) -> None:
    first, _ = small.forward_batch([picture(1, 20, 20), picture(2, 20, 20)])
    assert first.deep.untyped_storage().nbytes() == first.deep.numel() * 4
    assert first.deep.is_contiguous()


def test_a_batch_that_cannot_be_is_refused(small: TorchEncoder) -> None:
    bad = picture(1, 9, 9)
    bad[3, 4] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        small.forward_batch([picture(2, 9, 9), bad])
    with pytest.raises(ValueError, match="same shape"):
        small.forward_batch([picture(1, 9, 9), picture(1, 9, 8)])
