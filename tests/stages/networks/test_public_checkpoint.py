import os
from collections import OrderedDict

import pytest
import torch
from torch import nn

from spam_pipe.stages.networks.config import SsnConfig
from spam_pipe.stages.networks.engines import load
from spam_pipe.stages.networks.public_checkpoint import load_public_checkpoint
from spam_pipe.stages.networks.registry import build

WIDTH, CHANNELS = 4, 3


def layer(inputs, outputs, pad=False, norm=True, bias=False):
    modules = [nn.ReplicationPad2d(1)] if pad else []
    modules.append(nn.Conv2d(inputs, outputs, 3, padding=0 if pad else 1, bias=bias))
    if norm:
        modules.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*modules, nn.ReLU())


class Public(nn.Module):
    """An encoder as public repositories write it, to make checkpoints of."""

    def __init__(self, output_norm=False, pad=False, bias=False):
        super().__init__()
        torch.manual_seed(3)
        kind = {"pad": pad, "bias": bias}
        pool = nn.MaxPool2d(3, 2, padding=1)
        self.scale1 = nn.Sequential(layer(5, WIDTH, **kind), layer(WIDTH, WIDTH, **kind))
        self.scale2 = nn.Sequential(pool, layer(WIDTH, WIDTH, **kind), layer(WIDTH, WIDTH, **kind))
        self.scale3 = nn.Sequential(pool, layer(WIDTH, WIDTH, **kind), layer(WIDTH, WIDTH, **kind))
        self.output_conv = layer(
            5 + 3 * WIDTH, CHANNELS, pad=pad, norm=output_norm, bias=bias or not output_norm
        )
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 2)
        self.eval()

    def forward(self, x):
        up = nn.functional.interpolate
        first = self.scale1(x)
        second = self.scale2(first)
        third = self.scale3(second)
        coarse = [
            up(second, scale_factor=2, mode="bilinear"),
            up(third, scale_factor=4, mode="bilinear"),
        ]
        return self.output_conv(torch.cat([x, first, *coarse], dim=1))


VARIANTS = {
    "plain": {},
    "output norm": {"output_norm": True},
    "replicate": {"pad": True},
    "biases": {"bias": True, "output_norm": True},
}


@pytest.mark.parametrize("prefix", ["", "module.", "net.encoder."])
@pytest.mark.parametrize("variant", VARIANTS)
def test_reads_every_kind(variant, prefix, tmp_path):
    public = Public(**VARIANTS[variant])
    path = tmp_path / "ssn.pth"
    torch.save(OrderedDict((prefix + k, v) for k, v in public.state_dict().items()), path)
    network = load_public_checkpoint(path)
    x = torch.randn(1, 5, 16, 24)
    with torch.no_grad():
        torch.testing.assert_close(network(x).deep, public(x), rtol=1e-4, atol=1e-5)


def test_padding_of_the_config_counts(tmp_path):
    path = tmp_path / "ssn.pth"
    state = Public().state_dict()
    flat = torch.ones(1, 5, 16, 16)
    spreads = []
    for padding in ("zeros", "replicate"):
        torch.save({"state_dict": state, "config": {"padding": padding}}, path)
        with torch.no_grad():
            deep = load_public_checkpoint(path)(flat).deep
        spreads.append(float((deep.amax((2, 3)) - deep.amin((2, 3))).max()))
    assert spreads[0] > 1e-3 > spreads[1]


def save_own(path, change):
    state = Public().state_dict()
    change(state)
    torch.save(state, path)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("scale2.1.0.weight"), "6 convolutions instead of 7"),
        (lambda s: s.update({"stranger": torch.zeros(3)}), "unexpected keys: stranger"),
        (lambda s: s.update({"scale1.0.1.bias": torch.full((4,), torch.nan)}), "NaN"),
        (lambda s: s.update({"scale1.1.0.weight": torch.zeros(4, 7, 3, 3)}), "has shape"),
        (lambda s: s.update({"scale1.0.0.weight": torch.zeros(4, 3, 3, 3)}), "takes 3 channels"),
    ],
    ids=["missing", "unexpected", "nan", "shape", "channels"],
)
def test_mismatches_are_named(change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_public_checkpoint(save_own(tmp_path / "ssn.pth", change))


def test_missing_norm_is_named(tmp_path):
    def change(state):
        for key in ("weight", "bias", "running_mean", "running_var"):
            del state[f"scale2.1.1.{key}"]

    with pytest.raises(ValueError, match=r"missing scale2\.0\.1\.bias"):
        load_public_checkpoint(save_own(tmp_path / "ssn.pth", change))


def test_code_is_not_run(tmp_path):
    class Code:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    path = tmp_path / "ssn.pth"
    torch.save({"state_dict": Code()}, path)
    with pytest.raises(ValueError, match="holds code instead of tensors"):
        load(path)
    assert not (tmp_path / "ran").exists()


def test_damaged_and_missing_files(tmp_path):
    path = tmp_path / "ssn.pth"
    torch.save(Public().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match="not a whole PyTorch file"):
        load(path)
    path.write_text("not a checkpoint")
    with pytest.raises(ValueError, match=r"ssn\.pth"):
        load(path)
    with pytest.raises(ValueError, match="no such"):
        load_public_checkpoint(tmp_path / "absent.pth")


def test_own_shape_comes_back(tmp_path):
    config = SsnConfig(width=WIDTH, channels=CHANNELS, gain=1.0, output_norm=False, padding="zeros")
    network = build(config).eval()
    path = tmp_path / "own.pth"
    torch.save(network.state_dict(), path)
    x = torch.randn(1, 5, 9, 11)
    with torch.no_grad():
        torch.testing.assert_close(load_public_checkpoint(path)(x).deep, network(x).deep)
