"""FastSAM (Zhao et al., arXiv 2306.12156) through ultralytics, whose licence is AGPL-3.0."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.proposal import Proposal
from spam_pipe.stages.propose.run_lengths import RunLengths
from spam_pipe.stages.propose.source_names import require_source_package


def setup(config: ProposeConfig, device: str) -> str:
    """Make sure that the package is here; return the device."""
    require_source_package("fast-sam")
    return device


def propose(inputs: Inputs, config: ProposeConfig, resources: str) -> Proposal:
    """Segment everything; the masks' score is their confidence."""
    assert inputs.image is not None
    assert inputs.checkpoint is not None
    (found,) = _load(inputs.checkpoint).predict(
        np.ascontiguousarray(inputs.image[..., ::-1]),  # ultralytics takes BGR
        device=resources,
        retina_masks=True,  # masks of the image's size
        verbose=False,
        **config.fast_sam.model_dump(),
    )
    if found.masks is None:
        return Proposal(masks=RunLengths.empty(inputs.image.shape[:2]))
    masks = found.masks.data.cpu().numpy()
    return Proposal(masks=RunLengths.from_masks(masks, found.boxes.conf.cpu().numpy()))


@lru_cache(maxsize=1)
def _load(checkpoint: Path) -> Any:
    # Read by ultralytics when it is imported: no pickled code but its own, nothing installed or
    # fetched, nobody called.
    for switch in ("ULTRALYTICS_SAFE_LOAD", "YOLO_OFFLINE"):
        os.environ.setdefault(switch, "true")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    from ultralytics import FastSAM

    if checkpoint.suffix != ".pt":
        raise ValueError(f"{checkpoint}: FastSAM's weights are a .pt file of ultralytics")
    try:
        return FastSAM(checkpoint)
    except Exception as error:  # ultralytics raises errors of any kind
        raise ValueError(
            f"{checkpoint}: truncated or no model of ultralytics; copy FastSAM's .pt again"
        ) from error
