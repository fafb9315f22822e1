"""A hierarchy of superpixels as the browser cuts it: labels, parents, heights and mean colours."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.serving.engine import mean_colors


@dataclass(frozen=True, eq=False)
class Tree:
    """All levels of an image at once.

    Attributes
    ----------
    labels
        (H, W) uint16 of the finest level, 0..n-1.
    parents
        (2n - 1,) int32: node i < n is superpixel i, node n + j is made by merge j, the root is
        its own parent.
    altitudes
        (2n - 1,) float32, never falling from a node to its parent.
    """

    labels: NDArray[np.uint16]
    parents: NDArray[np.int32]
    altitudes: NDArray[np.float32]

    def message(self, image: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Return the arrays that travel, with mean colours and areas of the finest level."""
        colors, areas = mean_colors(image, self.labels)
        return {
            "labels": self.labels,
            "parents": self.parents,
            "altitudes": self.altitudes,
            "colors": colors,
            "areas": areas,
        }
