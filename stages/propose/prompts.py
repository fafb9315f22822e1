"""A user's prompts in an image: points and boxes around objects."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Prompt:
    """The points and the box of one object."""

    points: NDArray[np.float64]  # (n, 2) float64: x (column) and y (row) in pixels
    # (n,) int64: 1 where a point lies on the object, 0 where it lies beside it
    labels: NDArray[np.int64]
    # (4,) float64: x0, y0, x1, y1 in pixels around the object; None without
    box: NDArray[np.float64] | None = None


def require_inside(prompts: Sequence[Prompt], height: int, width: int) -> None:
    """Raise a ValueError that names the first point or corner outside an image of that size."""
    for number, prompt in enumerate(prompts, start=1):
        corners = np.zeros((0, 2)) if prompt.box is None else prompt.box.reshape(2, 2)
        for x, y in np.concatenate([prompt.points, corners]):
            if not (0 <= x <= width and 0 <= y <= height):
                raise ValueError(
                    f"propose.prompts: object {number} has a point at ({x:g}, {y:g}), outside "
                    f"the image of {width}×{height} (width × height)"
                )
