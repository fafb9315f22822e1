"""Images with regions that hold no data: their pixels are filled before stages see them."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.base import Inputs

Value = TypeVar("Value", bound=np.generic)


VOID = 2**32 - 1
"""Ground truth's value for pixels in no region."""


def window_of(valid: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the bounding box of the valid pixels.

    Raises
    ------
    ValueError
        When there is none.
    """
    rows, columns = (np.flatnonzero(valid.any(axis=axis)) for axis in (1, 0))
    if rows.size == 0:
        raise ValueError("the mask leaves no pixel of the image")
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def fill_outside(image: NDArray[Value], valid: NDArray[np.bool_] | None) -> NDArray[Value]:
    """Give the pixels without data the colour of the nearest one that has some.

    So a network or a filter sees no edge where data ends.

    Parameters
    ----------
    image
        (H, W, ...) any dtype.
    valid
        (H, W) bool, with one True at least; the image is returned as it is for None and where
        all are True.

    Returns
    -------
    (H, W, ...) of the image's dtype.

    Raises
    ------
    ValueError
        When no pixel is valid, or the shapes differ.
    """
    if valid is None:
        return image
    check_valid(valid, image.shape[:2])
    if valid.all():
        return image
    from scipy.ndimage import distance_transform_edt

    nearest = distance_transform_edt(~valid, return_distances=False, return_indices=True)
    filled: NDArray[Value] = image[tuple(nearest)]
    return filled


def check_valid(valid: NDArray[np.bool_], shape: tuple[int, ...]) -> None:
    """Raise a ValueError unless a mask is (H, W) bool of that shape with a valid pixel."""
    if valid.dtype != np.bool_ or valid.shape != shape:
        raise ValueError(
            f"the mask of valid pixels is {valid.shape} {valid.dtype} where the image is {shape}: "
            "give a boolean mask of the image's size"
        )
    if not valid.any():
        raise ValueError("the mask leaves no pixel of the image")


def filled_inputs(inputs: Inputs) -> Inputs:
    """Return inputs whose image has no gaps, and a digest that tells the filled image apart."""
    if inputs.valid is None or inputs.image is None:
        return inputs
    image = fill_outside(inputs.image, inputs.valid)
    digest = inputs.image_digest
    if digest and not inputs.valid.all():
        digest += f"-{sha256(np.packbits(inputs.valid).tobytes()).hexdigest()}"
    return replace(inputs, image=image, image_digest=digest)
