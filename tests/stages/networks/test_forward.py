import itertools

import numpy as np
import pytest
import torch

from spam_pipe.stages.networks import engines, forward
from spam_pipe.stages.networks.config import SsnConfig, TrunkConfig
from spam_pipe.stages.networks.folding import fold_norms
from spam_pipe.stages.networks.registry import build
from spam_pipe.stages.networks.torch_encoder import TorchEncoder

TRUNK = TrunkConfig(widths=(4, 4, 6, 6, 8), up_widths=(4, 4, 6, 6), channels=3)
SSN = SsnConfig(width=4, channels=3)


@pytest.mark.parametrize("config", [TRUNK, SSN], ids=["trunk", "ssn"])
def test_tiles_give_what_the_whole_image_gives(config, monkeypatch):
    torch.manual_seed(0)
    encoder = TorchEncoder(fold_norms(build(config)), torch.device("cpu"))
    classical = np.random.default_rng(0).normal(0, 20, (455, 501, 5)).astype(np.float32)
    lab = classical[..., :3]
    whole = encoder.forward(lab, classical)
    monkeypatch.setattr(forward, "LARGEST_WHOLE", 1000)
    monkeypatch.setattr(forward, "_SIDE", 2 * encoder.network.reach + 48)
    tiled = encoder.forward(lab, classical)
    np.testing.assert_allclose(tiled.deep, whole.deep, rtol=0, atol=1e-4)
    if whole.contour is not None:
        np.testing.assert_allclose(tiled.contour, whole.contour, rtol=0, atol=1e-4)


@pytest.mark.parametrize("reach", [32, 192, 320])
@pytest.mark.parametrize("length", [1, 1184, 1185, 2000, 2385, 10_000])
def test_tiles_cover_an_axis_and_see_all_they_need(length, reach):
    cores = list(forward._cores(length, reach))
    assert cores[0].start == 0
    assert cores[-1].stop == length
    for core, following in itertools.pairwise([*cores, slice(length, None)]):
        assert core.start < core.stop == following.start
        assert core.start % 32 == 0
        seen, inner = forward._widen(core, length, reach)
        assert seen.stop - seen.start <= 1184
        assert core.start - seen.start == inner.start == min(reach, core.start)
        assert seen.stop - core.stop == min(reach, length - core.stop)


@pytest.mark.parametrize("config", [TRUNK, SSN], ids=["trunk", "ssn"])
def test_nothing_beyond_the_reach_changes_a_pixel(config):
    torch.manual_seed(0)
    network = build(config).eval()
    reach, stride = network.reach, network.stride
    side = 2 * reach + 8
    features = torch.randn(1, 5 if network.takes_positions else 3, 1, side)
    features = features.expand(-1, -1, 5, -1).contiguous().requires_grad_(True)
    network(features).deep[..., reach].sum().backward()
    touched = features.grad.abs().sum(dim=(0, 1, 2)).nonzero().ravel()
    assert int(touched.max()) - reach <= reach
    assert reach % stride == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (4, 7), (40, 60)])
def test_no_contour_runs_along_the_frame(shape):
    torch.manual_seed(0)
    encoder = TorchEncoder(fold_norms(build(TRUNK)), torch.device("cpu"))
    lab = np.random.default_rng(1).normal(0, 20, (*shape, 3)).astype(np.float32)
    contour = encoder.forward(lab).contour
    assert contour is not None
    assert contour.shape == shape
    margin = min(5, (min(shape) - 1) // 2)
    for turned in (contour, contour.T, contour[::-1], contour.T[::-1]):
        assert (turned[:margin] == turned[margin]).all()


def test_what_lies_beyond_the_reach_of_a_deep_encoder_hardly_counts():
    """Its exact reach would make tiles mostly margin; the shipped weights hardly look that far."""
    encoder = engines.load("efficientunet", engine="torch")
    reach = encoder.network.reach
    random = np.random.default_rng(0)
    lab = random.uniform((0, -60, -60), (100, 60, 60), (64, 2 * reach, 3)).astype(np.float32)
    other = lab.copy()
    other[:, reach + 32 :] = (90, 10, -30)
    seen, changed = encoder.forward(lab), encoder.forward(other)
    kept = slice(0, 32)
    spread = seen.deep.std()
    assert np.abs(seen.deep[:, kept] - changed.deep[:, kept]).max() < 0.02 * spread
    assert np.abs(seen.contour[:, kept] - changed.contour[:, kept]).max() < 0.005
