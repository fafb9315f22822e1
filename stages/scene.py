"""The input and the output of every superpixel method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from spam_pipe.stages.clustering.task import Map
    from spam_pipe.stages.regions.label_maps import Labels


@dataclass(frozen=True)
class Scene:
    """An image and its prior, ready to be segmented at a given count."""

    image: NDArray[np.uint8]  # (H, W, 3) uint8, sRGB
    lab: NDArray[np.float32]  # (H, W, 3) float32 CIELab of it
    # (H, W) objects of the prior cut for this count, 0 = uncertain
    objects: NDArray[np.integer] | None = None
    density: NDArray[np.floating] | None = None  # (n,) factor of each object
    # (H, W) float32 contour probability in 0..1, in memory or on the device
    contour: Map | None = None
    deep: Map | None = None  # (H, W, C) float32 features of an encoder, likewise
    # (H, W, C) float32 components of bands that `image` doesn't show, in units of L; None: none
    bands: NDArray[np.float32] | None = None
    device: str = "cpu"  # where a torch back end computes
    # (H, W) ground truth per annotator; only a method made of it may look at it
    annotations: tuple[NDArray[np.integer], ...] = ()
    # (H, W) label maps made elsewhere, by requested number of superpixels
    external: Mapping[int, NDArray[np.integer]] = field(default_factory=dict)
    # (H, W) bool, False where the image has no data and a method's labels are -1; elsewhere its
    # colours are those of the nearest pixel that has some. None where all count.
    valid: NDArray[np.bool_] | None = None

    @property
    def n_pixels(self) -> int:
        """Number of the image's pixels that count."""
        height, width, _ = self.image.shape
        return int(height * width if self.valid is None else np.count_nonzero(self.valid))

    @property
    def coverage(self) -> float:
        """Share of the image's pixels that count."""
        height, width, _ = self.image.shape
        return self.n_pixels / int(height * width)


@dataclass(frozen=True)
class Segmentation:
    """The output of a method."""

    # (H, W) int32 in 0..n-1, each of which occurs; -1 outside of the scene's valid pixels
    labels: Labels
    # JSON-serialisable facts on how; ``note``, if present, is shown beside the figures
    attributes: Mapping[str, Any] = field(default_factory=dict)
