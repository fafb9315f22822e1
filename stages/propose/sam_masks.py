"""From a segment-anything model and an image to masks, as run lengths from the start."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything import SamAutomaticMaskGenerator, SamPredictor

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.propose.config import ProposeConfig, SamConfig
from spam_pipe.stages.propose.prompts import Prompt, require_inside
from spam_pipe.stages.propose.proposal import Proposal
from spam_pipe.stages.propose.run_lengths import RunLengths, encode
from spam_pipe.stages.propose.sam_model import load_sam


def propose_masks(
    build: Callable[[], torch.nn.Module],
    name: str,
    inputs: Inputs,
    config: ProposeConfig,
    device: str,
) -> Proposal:
    """Load the model, unless the last image did, and ask it for masks.

    Parameters
    ----------
    build, name, device
        As for `load_sam`.
    inputs
        With the image, the checkpoint and, where the user gave some, prompts.
    config
        The stage's.

    Raises
    ------
    ValueError
        When checkpoint, prompts and image do not go together.
    """
    assert inputs.image is not None
    assert inputs.checkpoint is not None
    model = load_sam(build, name, inputs.checkpoint, device, config.precision)
    if inputs.prompts is not None:
        return Proposal(masks=prompted(model, inputs.image, inputs.prompts))
    return Proposal(masks=generate(model, inputs.image, config.sam))


def generate(model: Any, image: NDArray[np.uint8], options: SamConfig) -> RunLengths:
    """Prompt a grid of points (`SamAutomaticMaskGenerator`).

    Parameters
    ----------
    model
        A `segment_anything.modeling.Sam`, or one that is built alike.
    image
        (H, W, 3) uint8, sRGB.
    options
        The generator's.

    Returns
    -------
    The masks in the generator's order; their score is the predicted IoU.

    Raises
    ------
    ValueError
        When the image is too thin for the model, or an option needs OpenCV that is not here.
    """
    _require_thick(model, image)
    chosen = options.model_dump(exclude={"point_grids", "points_per_side"})
    if options.point_grids is None:
        chosen["points_per_side"] = options.points_per_side
    else:
        chosen["points_per_side"] = None
        chosen["point_grids"] = [np.array(grid) for grid in options.point_grids]
    try:
        generator = SamAutomaticMaskGenerator(model, output_mode="uncompressed_rle", **chosen)
    except ImportError as error:
        raise ValueError(
            "propose.sam.min_mask_region_area needs OpenCV: pip install 'spam-pipe[opencv]'"
        ) from error
    found = generator.generate(image)
    return RunLengths.from_counts(
        [mask["segmentation"]["counts"] for mask in found],
        image.shape[:2],
        [mask["predicted_iou"] for mask in found],
    )


def prompted(model: Any, image: NDArray[np.uint8], prompts: Sequence[Prompt]) -> RunLengths:
    """Ask for the objects that the user points at (`Encoded.ask`).

    Raises
    ------
    ValueError
        When a prompt lies outside the image, or the image is too thin for the model.
    """
    require_inside(prompts, *image.shape[:2])
    encoded = Encoded(model, image)
    answers = [encoded.ask(prompt) for prompt in prompts]
    return RunLengths.from_counts(
        [encode(mask) for mask, _ in answers], image.shape[:2], [score for _, score in answers]
    )


class Encoded:
    """An image that went through the encoder, to be asked for objects (`SamPredictor`).

    Parameters
    ----------
    model
        As for `generate`.
    image
        (H, W, 3) uint8, sRGB.

    Raises
    ------
    ValueError
        When the image is too thin for the model.
    """

    def __init__(self, model: Any, image: NDArray[np.uint8]) -> None:
        _require_thick(model, image)
        self.size = image.shape[:2]
        self.predictor = SamPredictor(model)
        with torch.inference_mode():
            self.predictor.set_image(image)

    def ask(self, prompt: Prompt) -> tuple[NDArray[np.bool_], float]:
        """Return the (H, W) mask that is meant, and its predicted IoU.

        A single point is ambiguous: of its three masks the one of the highest predicted IoU is
        taken, as segment-anything advises; points together with others or a box give one mask.

        Raises
        ------
        ValueError
            When the prompt lies outside the image.
        """
        require_inside([prompt], *self.size)
        has_points = len(prompt.points) > 0
        with torch.inference_mode():
            masks, quality, _ = self.predictor.predict(
                point_coords=prompt.points if has_points else None,
                point_labels=prompt.labels if has_points else None,
                box=prompt.box,
                multimask_output=len(prompt.points) == 1 and prompt.box is None,
            )
        best = int(np.argmax(quality))
        return masks[best], float(quality[best])


def _require_thick(model: Any, image: NDArray[np.uint8]) -> None:
    """Refuse an image whose short side vanishes at the model's size."""
    side = model.image_encoder.img_size
    height, width = image.shape[:2]
    if round(side * min(height, width) / max(height, width)) < 1:
        raise ValueError(
            f"the image is {height}×{width} (height × width): too thin for a model that sees it "
            f"at {side} pixels on the long side; --prior contour takes any image"
        )
