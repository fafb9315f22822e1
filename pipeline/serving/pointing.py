"""Masks of what is clicked on, by a segment-anything model: an image is encoded once."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.fetching.public_weights import find_public_weights
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.running.parts import find_checkpoint
from spam_pipe.stages.propose.config import ProposeConfig

if TYPE_CHECKING:
    from spam_pipe.stages.propose.sam_masks import Encoded

_PUBLISHED = (
    ("mobile-sam", "mobile-sam"),
    ("sam-vit-b", "vit_b"),
    ("sam-vit-l", "vit_l"),
    ("sam-vit-h", "vit_h"),
)
"""What can be fetched, and the models' names: the quickest that is here is taken."""

NOTHING_HERE = (
    "Points need the weights of a segment-anything model: `spam-pipe weights fetch sam-vit-b` "
    "(375 MB), then start the page again."
)


class Pointing:
    """Answers clicks on one image at a time; belongs on the engine's thread.

    Parameters
    ----------
    config
        The run's options of proposals: a run with the source ``sam`` has its model here, too.
    device
        Where it computes.
    """

    def __init__(self, config: ProposeConfig, device: str) -> None:
        self.device = device
        self.weights = _find(config)
        self._encoded: tuple[str, Encoded] | None = None

    def mask(
        self, item: Item, image: NDArray[np.uint8], points: Sequence[tuple[int, int, int]]
    ) -> tuple[NDArray[np.uint8], float]:
        """Return the (H, W) mask, 1 inside, of the object that points mean, and its predicted IoU.

        Parameters
        ----------
        item, image
            The image and its (H, W, 3) pixels.
        points
            Column, row, and 1 on the object or 0 beside it.

        Raises
        ------
        DataError
            When there are no weights, a point lies outside, or the image is too thin.
        """
        if self.weights is None:
            raise DataError(NOTHING_HERE)
        from spam_pipe.stages.propose.prompts import Prompt
        from spam_pipe.stages.propose.sam_masks import Encoded
        from spam_pipe.stages.propose.sam_model import builder, load_sam

        model, checkpoint = self.weights
        seen = f"{item.id} {item.image.signature()}"
        try:
            if self._encoded is None or self._encoded[0] != seen:
                loaded = load_sam(builder(model), model, checkpoint, self.device, "float32")
                self._encoded = seen, Encoded(loaded, image)
            place = np.array(points, np.float64)
            prompt = Prompt(place[:, :2] + 0.5, place[:, 2].astype(np.int64))
            mask, score = self._encoded[1].ask(prompt)
        except ValueError as error:
            raise DataError(str(error)) from error
        return mask.astype(np.uint8), score


def _find(config: ProposeConfig) -> tuple[str, Path] | None:
    """Return a model's name and its file; None where there is none."""
    if config.sources[0] in {"sam", "mobile-sam"}:
        try:
            found = find_checkpoint(config)
        except DataError:  # what the images need it for says so
            return None
        name = config.model if config.sources[0] == "sam" else "mobile-sam"
        return None if found is None else (name, found.path)
    for published, model in _PUBLISHED:
        place = find_public_weights(published)
        if place is not None and (model != "mobile-sam" or find_spec("mobile_sam")):
            return model, place
    return None
