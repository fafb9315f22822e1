import numpy as np
import pytest
import torch

from spam_pipe.stages.networks.config import SsnConfig
from spam_pipe.stages.networks.folding import fold_norms
from spam_pipe.stages.networks.registry import build
from spam_pipe.stages.networks.torch_encoder import TorchEncoder


def encoder(config):
    torch.manual_seed(0)
    return TorchEncoder(fold_norms(build(config)), torch.device("cpu"))


def test_parameters_of_the_papers_encoder():
    """Five 64-channel 3×3 layers, one from 5 channels, one from 197 to 15, all with norms."""
    count = sum(p.numel() for p in build(SsnConfig()).parameters())
    assert count == 9 * (5 * 64 + 5 * 64 * 64 + 197 * 15) + 6 * 2 * 64 + 2 * 15


@pytest.mark.parametrize("channels", [1, 2, 15])
@pytest.mark.parametrize("shape", [(1, 1), (2, 7), (19, 13)])
def test_any_size_and_any_number_of_features(channels, shape):
    random = np.random.default_rng(0)
    classical = random.normal(size=(*shape, 5)).astype(np.float32)
    result = encoder(SsnConfig(width=4, channels=channels)).forward(classical[..., :3], classical)
    assert result.deep.shape == (*shape, channels)
    assert result.contour is None
    # The last layer ends in a ReLU.
    assert result.deep.min() >= 0


def test_positions_matter():
    classical = np.random.default_rng(0).normal(size=(12, 12, 5)).astype(np.float32)
    moved = classical.copy()
    moved[..., 3:] *= 2
    network = encoder(SsnConfig(width=4, channels=3))
    first = network.forward(classical[..., :3], classical).deep
    assert np.abs(network.forward(moved[..., :3], moved).deep - first).max() > 1e-3


def test_missing_positions_are_an_error():
    with pytest.raises(ValueError, match="scaled colours and positions"):
        encoder(SsnConfig(width=4)).forward(np.zeros((4, 4, 3), np.float32))


def test_replicate_padding_continues_a_constant_image():
    flat = np.ones((16, 20, 5), np.float32)
    replicated = encoder(SsnConfig(width=4, channels=4)).forward(flat[..., :3], flat).deep
    np.testing.assert_allclose(
        replicated, np.broadcast_to(replicated[8, 10], replicated.shape), atol=1e-5
    )
    zeros = encoder(SsnConfig(width=4, channels=4, padding="zeros")).forward(flat[..., :3], flat)
    assert np.ptp(zeros.deep, axis=(0, 1)).max() > 1e-3
