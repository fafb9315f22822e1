import numpy as np
import pytest
import torch

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.deep_features import first_channels
from spam_pipe.stages.networks.config import EfficientUNetConfig
from spam_pipe.stages.networks.registry import build
from spam_pipe.stages.networks.weights import save_weights
from spam_pipe.stages.segment.stage import SegmentStage

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of a small network of 20 nested channels."""
    torch.manual_seed(0)
    config = EfficientUNetConfig(channels=20, own_widths=(4, 4), up_widths=(4, 4, 4, 4, 4))
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(path, config, build(config).state_dict())
    return str(path)


def labels(weights=None, **options):
    stage, config = SegmentStage(), SegmentConfig(weights=weights, **options)
    (output,) = stage.run(Inputs(image=IMAGE), config, stage.setup(config, "cpu"), [20])
    return output.arrays["labels"]


def test_the_first_channels_are_a_view():
    deep = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert np.shares_memory(first_channels(deep, 2), deep)
    np.testing.assert_array_equal(first_channels(deep, 2), deep[..., :2])
    np.testing.assert_array_equal(first_channels(deep, None), deep)
    assert first_channels(deep, 0).shape == (2, 3, 0)
    assert first_channels(torch.from_numpy(deep), 3).shape == (2, 3, 3)


def test_fifteen_count_of_more():
    assert first_channels(np.zeros((1, 1, 25), np.float32), None).shape == (1, 1, 15)


def test_fifteen_is_what_nothing_said_means(weights):
    np.testing.assert_array_equal(labels(weights), labels(weights, channels=15))
    assert not np.array_equal(labels(weights), labels(weights, channels=3))


def test_no_channel_is_colour_and_position_alone(weights):
    np.testing.assert_array_equal(labels(weights, channels=0), labels(network="none"))


def test_more_than_the_weights_have_is_refused_before_any_image(weights):
    stage, config = SegmentStage(), SegmentConfig(weights=weights, channels=21)
    with pytest.raises(ValueError, match="21 deep channels asked for, the weights have 20: ask"):
        stage.setup(config, "cpu")


def test_what_nothing_says_of_channels_is_called_as_before():
    assert "channels" not in SegmentConfig().decisive
    assert SegmentConfig(channels=0).decisive["channels"] == 0
    assert SegmentConfig(channels=3).decisive["channels"] == 3
