"""A Segment Anything of segment-anything's own classes, small enough for tests."""

from pathlib import Path

import torch
from segment_anything.modeling import (
    ImageEncoderViT,
    MaskDecoder,
    PromptEncoder,
    Sam,
    TwoWayTransformer,
)

EVERYTHING = {
    "points_per_side": 3,
    "pred_iou_thresh": 0.0,
    "stability_score_thresh": 0.0,
    "box_nms_thresh": 1.0,
}
"""Options with which a model of random weights keeps its masks: 27 of them."""


def build_tiny_sam(size: int = 64, channels: int = 32) -> Sam:
    """Return a model with fresh weights, as `sam_model_registry`'s entries do."""
    grid = size // 16
    return Sam(
        ImageEncoderViT(
            img_size=size,
            patch_size=16,
            embed_dim=channels,
            depth=2,
            num_heads=2,
            out_chans=channels,
            use_rel_pos=True,
            global_attn_indexes=(1,),
            window_size=2,
        ),
        PromptEncoder(
            embed_dim=channels,
            image_embedding_size=(grid, grid),
            input_image_size=(size, size),
            mask_in_chans=16,
        ),
        MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=channels, mlp_dim=64, num_heads=2),
            transformer_dim=channels,
            iou_head_depth=2,
            iou_head_hidden_dim=32,
        ),
    ).eval()


def save_tiny_sam(path: Path, seed: int = 0) -> Path:
    """Write random weights as segment-anything publishes its own: a state dict."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.save(build_tiny_sam().state_dict(), path)
    return path
