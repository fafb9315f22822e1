import numpy as np
import pytest
import torch

from spam_pipe.stages.networks.config import TrunkConfig
from spam_pipe.stages.networks.folding import fold_norms
from spam_pipe.stages.networks.registry import build
from spam_pipe.stages.networks.torch_encoder import TorchEncoder

SMALL = TrunkConfig(widths=(4, 4, 6, 6, 8), up_widths=(4, 4, 6, 6), channels=3)


def encoder(config=SMALL, seed=0):
    torch.manual_seed(seed)
    network = build(config)
    # Running statistics as after training, so that folding has something to fold.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
    return TorchEncoder(fold_norms(network), torch.device("cpu"))


def image(height, width, seed=0):
    random = np.random.default_rng(seed)
    return random.uniform((0, -60, -60), (100, 60, 60), (height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (17, 1), (15, 33), (48, 32)])
def test_any_size(shape):
    result = encoder().forward(image(*shape))
    assert result.deep.shape == (*shape, 3)
    assert result.deep.dtype == np.float32
    assert result.contour.shape == shape
    assert np.isfinite(result.deep).all()
    assert ((result.contour > 0) & (result.contour < 1)).all()


def test_default_keeps_its_budget():
    network = build(TrunkConfig()).eval()
    assert sum(p.numel() for p in network.parameters()) <= 1_000_000
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, 321, 481))
    assert counter.get_total_flops() <= 11e9


def test_folding_changes_nothing_but_rounding():
    torch.manual_seed(1)
    network = build(SMALL)
    network.train()
    for _ in range(3):
        network(torch.randn(2, 3, 32, 32) * 20)
    network.eval()
    x = torch.randn(1, 3, 21, 30) * 20
    folded = fold_norms(network)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    with torch.no_grad():
        torch.testing.assert_close(folded(x).deep, network(x).deep, rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(
            folded(x).contours[0], network(x).contours[0], rtol=1e-4, atol=1e-4
        )


def test_gain_multiplies_the_features():
    once = encoder(SMALL.model_copy(update={"gain": 1.0})).forward(image(9, 11))
    thrice = encoder(SMALL.model_copy(update={"gain": 3.0})).forward(image(9, 11))
    np.testing.assert_allclose(thrice.deep, 3 * once.deep, rtol=1e-5)
    np.testing.assert_array_equal(thrice.contour, once.contour)


def test_same_result_for_any_number_of_threads():
    lab = image(50, 70)
    threads = torch.get_num_threads()
    try:
        results = []
        for count in (1, 2):
            torch.set_num_threads(count)
            results.append(encoder().forward(lab).deep)
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(*results)


def test_no_side_outputs_at_inference_and_three_in_training():
    network = build(SMALL)
    x = torch.zeros(2, 3, 16, 24)
    assert len(network.eval()(x).contours) == 1
    sides = network.train()(x).contours
    assert [tuple(side.shape[-2:]) for side in sides] == [(16, 24), (8, 12), (4, 6), (2, 3)]


def test_frame_pixels_alone_reach_beyond_the_image():
    """Nothing is padded to a multiple: a crop at a multiple of the stride sees the same."""
    lab = image(128, 416)
    whole, part = encoder().forward(lab), encoder().forward(lab[:, : 416 - 16])
    reach = 192
    np.testing.assert_allclose(
        part.deep[:, : 400 - reach], whole.deep[:, : 400 - reach], rtol=0, atol=1e-4
    )


@pytest.mark.parametrize(
    ("lab", "message"),
    [
        (np.full((4, 4, 3), np.nan, np.float32), "NaN"),
        (np.full((4, 4, 3), np.inf, np.float32), "infinite"),
        (np.zeros((4, 4), np.float32), r"\(4, 4\)"),
        (np.zeros((0, 4, 3), np.float32), r"\(0, 4, 3\)"),
    ],
)
def test_bad_images(lab, message):
    with pytest.raises(ValueError, match=message):
        encoder().forward(lab)


def test_one_colour_image_gives_finite_features():
    result = encoder().forward(np.full((20, 30, 3), 50, np.float32))
    assert np.isfinite(result.deep).all()
