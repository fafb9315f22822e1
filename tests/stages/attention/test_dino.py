"""DINO's attention through the real code, with a tiny random vision transformer."""

from pathlib import Path

import numpy as np
import pytest
import torch

timm = pytest.importorskip("timm", reason="the extra dino is not installed")

from timm.models.vision_transformer import VisionTransformer  # noqa: E402

from spam_pipe.stages.attention.config import AttentionConfig  # noqa: E402
from spam_pipe.stages.attention.dino import (  # noqa: E402
    attention_saliency,
    load_vision_transformer,
)
from spam_pipe.stages.attention.saliency import find_saliency, threshold_of  # noqa: E402

IMAGE = np.random.default_rng(0).integers(0, 256, (52, 70, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict with the names of DINO's, of two layers, two heads and patches of 8."""
    torch.manual_seed(0)
    network = VisionTransformer(
        img_size=64, patch_size=8, embed_dim=128, depth=2, num_heads=2, num_classes=0
    )
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    path = tmp_path_factory.mktemp("dino") / "tiny.pth"
    torch.save(network.state_dict(), path)
    return path


def test_the_network_is_read_off_its_tensors(checkpoint: Path) -> None:
    network = load_vision_transformer(checkpoint, "cpu")
    assert isinstance(network, VisionTransformer)
    assert len(network.blocks) == 2
    assert network.blocks[0].attn.num_heads == 2
    assert not network.training
    state = torch.load(checkpoint, weights_only=True)
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_saliency_is_the_last_layer_s_attention_of_the_class_token(checkpoint: Path) -> None:
    network = load_vision_transformer(checkpoint, "cpu")
    assert isinstance(network, VisionTransformer)
    square = IMAGE[:48, :64]  # whole patches, seen as they are
    seen = (torch.from_numpy(square / 255).float() - torch.tensor([0.485, 0.456, 0.406])) / (
        torch.tensor([0.229, 0.224, 0.225])
    )
    with torch.inference_mode():
        tokens = network.patch_embed(seen.permute(2, 0, 1)[None])
        tokens = network.blocks[0](network._pos_embed(tokens))
        attend = network.blocks[1].attn
        projected = attend.qkv(network.blocks[1].norm1(tokens))
        queries, keys, _ = projected.reshape(1, 49, 3, 2, 64).permute(2, 0, 3, 1, 4)
        attention = (queries @ keys.transpose(-2, -1) / 8).softmax(dim=-1)
    expected = attention[0, :, 0, 1:].mean(dim=0).view(6, 8).numpy()
    expected = (expected - expected.min()) / np.ptp(expected)
    saliency = attention_saliency(square, network)
    patches = saliency.reshape(6, 8, 8, 8)[:, 3:5, :, 3:5].mean(axis=(1, 3))
    assert np.corrcoef(patches.ravel(), expected.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("shape", [(52, 70), (3, 5), (1, 1), (30, 700)])
def test_any_size_gives_a_map_in_0_to_1(checkpoint: Path, shape: tuple[int, int]) -> None:
    image = np.resize(IMAGE, (*shape, 3))
    lab = np.zeros((*shape, 3), np.float32)
    config = AttentionConfig(mode="visual", saliency="dino")
    saliency = find_saliency(image, lab, config, checkpoint)
    assert saliency.shape == shape
    assert saliency.dtype == np.float32
    assert saliency.min() >= 0
    assert saliency.max() <= 1
    assert np.array_equal(saliency, find_saliency(image, lab, config, checkpoint))


def test_the_thresholds_are_the_sources_unless_one_is_set() -> None:
    assert threshold_of(AttentionConfig(saliency="dino")) == 0.1
    assert threshold_of(AttentionConfig()) == 0.7
    assert threshold_of(AttentionConfig(saliency="dino", threshold=0.0)) == 0.0


class Surprise:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1",)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a whole PyTorch file"),
        ({"weight": torch.zeros(3)}, "not the state dict of one of DINO's"),
        ([1, 2], "no state dict: expected tensors by name"),
        (Surprise(), "holds code instead of tensors"),
    ],
)
def test_a_file_of_something_else_is_named(tmp_path: Path, content: object, complaint: str) -> None:
    path = tmp_path / "other.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(ValueError, match=f"other.pth: {complaint}") as caught:
        load_vision_transformer(path, "cpu")
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_not_whole(checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.pth"
    path.write_bytes(checkpoint.read_bytes()[:-5000])
    with pytest.raises(ValueError, match="not a whole PyTorch file"):
        load_vision_transformer(path, "cpu")


def test_another_depth_is_read_and_missing_tensors_are_not(
    checkpoint: Path, tmp_path: Path
) -> None:
    state = torch.load(checkpoint, weights_only=True)
    del state["norm.weight"]
    path = tmp_path / "part.pth"
    torch.save(state, path)
    with pytest.raises(ValueError, match="not the state dict"):
        load_vision_transformer(path, "cpu")
