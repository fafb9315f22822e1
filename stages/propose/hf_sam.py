"""Any mask-generation model of `transformers`: SAM, SAM-HQ, SAM 2 (arXiv 2408.00714) …"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.proposal import Proposal
from spam_pipe.stages.propose.run_lengths import RunLengths
from spam_pipe.stages.propose.source_names import require_source_package


def setup(config: ProposeConfig, device: str) -> str:
    """Make sure that the package is here; return the device."""
    require_source_package("hf-sam")
    return device


def propose(inputs: Inputs, config: ProposeConfig, resources: str) -> Proposal:
    """Prompt a grid of points (`MaskGenerationPipeline`); the score is the predicted IoU."""
    assert inputs.image is not None
    assert inputs.checkpoint is not None
    options = config.sam
    found = _load(inputs.checkpoint, resources)(
        Image.fromarray(inputs.image),
        points_per_crop=options.points_per_side,
        points_per_batch=options.points_per_batch,
        pred_iou_thresh=options.pred_iou_thresh,
        stability_score_thresh=options.stability_score_thresh,
        stability_score_offset=options.stability_score_offset,
        crops_n_layers=options.crop_n_layers,
        crops_nms_thresh=options.box_nms_thresh,
        crop_overlap_ratio=options.crop_overlap_ratio,
        crop_n_points_downscale_factor=options.crop_n_points_downscale_factor,
        output_rle_mask=True,
    )
    return Proposal(
        masks=RunLengths.from_counts(
            [mask["counts"] for mask in found["rle_mask"]],
            inputs.image.shape[:2],
            found["scores"].cpu().numpy(),
        )
    )


@lru_cache(maxsize=1)
def _load(folder: Path, device: str) -> Any:
    from transformers import pipeline
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        return pipeline(
            "mask-generation",
            model=str(folder),
            device=device,
            dtype="float32",  # its suppression of duplicates takes no other
            model_kwargs={"use_safetensors": True},  # no pickled code is ever run
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{folder}: not a mask-generation model of transformers that can be read: "
            f"{reason[:200]}; save one there with save_pretrained or `hf download`"
        ) from error
