"""Saliency by self-supervised attention, that of DINO's class token (Caron et al., 2021).

M. Caron et al.: Emerging Properties in Self-Supervised Vision Transformers, ICCV 2021.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from spam_pipe.stages.networks.pickled_tensors import CodeInsteadOfTensorsError, load_pickled

_LONGEST = 480
"""Pixels of the longer side that the network sees: attention's cost grows with its fourth power."""

_HEAD = 64
"""Channels of an attention head, in all of DINO's transformers."""

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@lru_cache(maxsize=1)
def load_vision_transformer(checkpoint: Path, device: str) -> nn.Module:
    """Build a vision transformer from its state dict; no pickled code is ever run.

    Width, depth and patch size are read off the tensors.

    Raises
    ------
    ValueError
        When timm is not installed, or the file is damaged or of another network.
    """
    try:
        from timm.models.vision_transformer import VisionTransformer
    except ImportError as error:
        raise ValueError(
            "the saliency dino needs timm: pip install 'spam-pipe[dino]'; "
            "segment.attention.saliency=background needs nothing"
        ) from error
    state = _read(checkpoint)
    try:
        width, _, patch, _ = state["patch_embed.proj.weight"].shape
        side = round((state["pos_embed"].shape[1] - 1) ** 0.5) * patch
        depth = len([key for key in state if key.endswith(".attn.qkv.weight")])
        for number in range(depth):  # nothing larger than the file is built
            if state[f"blocks.{number}.attn.qkv.weight"].shape != (3 * width, width):
                raise ValueError(f"block {number} is of another width")
        network = VisionTransformer(
            img_size=side,
            patch_size=patch,
            embed_dim=width,
            depth=depth,
            num_heads=width // _HEAD,
            num_classes=0,
            dynamic_img_size=True,
        )
        network.load_state_dict(state)
    except (KeyError, ValueError, RuntimeError, AssertionError, ZeroDivisionError) as error:
        raise ValueError(
            f"{checkpoint}: not the state dict of one of DINO's vision transformers; "
            "`spam-pipe weights fetch dino-vit-s8` gets one"
        ) from error
    built: nn.Module = network.eval().requires_grad_(False).to(device)
    return built


def attention_saliency(
    image: NDArray[np.uint8], network: nn.Module, device: str = "cpu"
) -> NDArray[np.float32]:
    """Return the attention of the class token in the last layer, mean of the heads.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB; seen at a longer side of at most 480 pixels.
    network
        As `load_vision_transformer` builds it.
    device
        Where it is.

    Returns
    -------
    (H, W) float32, from 0 at the least to 1 at the most attended patch; 0 where all are equal.
    """
    height, width = image.shape[:2]
    patch = int(network.patch_embed.proj.kernel_size[0])  # type: ignore[union-attr, index]
    shrink = min(1.0, _LONGEST / max(height, width))
    rows, columns = (max(1, round(side * shrink / patch)) for side in (height, width))
    pixels = torch.tensor(image, device=device).permute(2, 0, 1)[None]
    seen = interpolate(
        pixels.float() / 255,
        (rows * patch, columns * patch),
        mode="bilinear",
        antialias=True,
        align_corners=False,
    )
    mean, deviation = (seen.new_tensor(each).view(1, 3, 1, 1) for each in (_MEAN, _DEVIATION))
    with torch.inference_mode():
        attention = _class_attention(network, (seen - mean) / deviation)
        low, high = attention.min(), attention.max()
        scaled = (attention - low) / (high - low) if high > low else torch.zeros_like(attention)
        whole = interpolate(
            scaled.view(1, 1, rows, columns), (height, width), mode="bilinear", align_corners=False
        )
    saliency: NDArray[np.float32] = whole[0, 0].cpu().numpy()
    return saliency


def _class_attention(network: nn.Module, seen: Tensor) -> Tensor:
    """Return how much the class token of the last layer attends to each patch."""
    last: Any = network.blocks[-1].attn  # type: ignore[index, union-attr]
    projected: list[Tensor] = []
    hook = last.qkv.register_forward_hook(lambda _module, _given, made: projected.append(made))
    try:
        network(seen)
    finally:
        hook.remove()
    n_tokens, width = projected[0].shape[1], projected[0].shape[2] // 3
    queries, keys, _ = projected[0].view(n_tokens, 3, width // _HEAD, _HEAD).unbind(1)
    scores = torch.einsum("hc,nhc->hn", queries[0], keys) * _HEAD**-0.5
    attention: Tensor = scores.softmax(dim=1)[:, 1:].mean(dim=0)
    return attention


def _read(checkpoint: Path) -> Mapping[str, Tensor]:
    try:
        state = load_pickled(checkpoint)
    except CodeInsteadOfTensorsError as error:
        raise ValueError(
            f"{error}; `spam-pipe weights fetch dino-vit-s8` gets one that doesn't"
        ) from error
    except ValueError as error:
        raise ValueError(f"{error}; fetch or copy it again") from error
    if not isinstance(state, Mapping) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        raise ValueError(f"{checkpoint}: no state dict: expected tensors by name")
    return state
