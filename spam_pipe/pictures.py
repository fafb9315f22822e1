"""From scikit-image's kinds of images and masks to the 8-bit colours that the stages see."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spam_pipe.stages.base import Inputs

_KINDS = "give uint8, uint16, bool, or floats in 0..1"


def as_inputs(image: ArrayLike, mask: ArrayLike | None, channel_axis: int | None) -> Inputs:
    """Return what the stages read of an image.

    Parameters
    ----------
    image
        (H, W) grey, or with 1 or 3 channels at `channel_axis`: uint8, uint16, bool, or floats in
        0..1. Outside of the mask it may hold anything.
    mask
        (H, W), True or 1 where the image counts.
    channel_axis
        Where the channels are; None for a grey image without them.

    Raises
    ------
    ValueError
        When the image or the mask is anything else, or no pixel counts.
    """
    samples = _channels_last(np.asarray(image), channel_axis)
    valid = None if mask is None else as_mask(mask, samples.shape[:2])
    colors = _to_bytes(samples, valid)
    if colors.shape[2] == 1:
        colors = np.repeat(colors, 3, axis=2)
    colors = np.ascontiguousarray(colors)
    digest = sha256(repr(colors.shape).encode() + colors.tobytes()).hexdigest()
    return Inputs(image=colors, image_digest=digest, valid=valid)


def as_mask(mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return a mask as booleans; ValueError where it is none of that shape, or empty."""
    array = np.asarray(mask)
    if array.shape != shape:
        raise ValueError(f"the mask is of shape {array.shape} where the image is {shape}")
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise ValueError("a mask holds True and False, or 1 and 0: compare first, as in mask > 0")
    valid = array.astype(np.bool_)
    if not valid.any():
        raise ValueError("the mask leaves no pixel of the image: it is True where pixels count")
    return valid


def _channels_last(image: NDArray[Any], channel_axis: int | None) -> NDArray[Any]:
    if channel_axis is None:
        if image.ndim != 2:
            raise ValueError(
                f"an image of shape {image.shape} is no grey one: say where its channels are, "
                "as in channel_axis=-1"
            )
        image = image[..., np.newaxis]
    else:
        if image.ndim == 2:
            raise ValueError(
                f"an image of shape {image.shape} has no channels at channel_axis={channel_axis}: "
                "for a grey one give channel_axis=None"
            )
        if image.ndim != 3 or not -3 <= channel_axis < 3:
            raise ValueError(
                f"an image has two axes and its channels, not shape {image.shape} with "
                f"channel_axis={channel_axis}"
            )
        image = np.moveaxis(image, channel_axis, -1)
    if image.shape[2] == 4:
        raise ValueError(
            "an image has 1 or 3 channels, this one 4: of RGBA give image[..., :3], and "
            "mask=image[..., 3] > 0 to leave out what is transparent"
        )
    if image.shape[2] not in (1, 3):
        raise ValueError(
            f"an image has 1 or 3 channels, this one {image.shape[2]}: choose three, or tell "
            "where they are with channel_axis"
        )
    if image.size == 0:
        raise ValueError(f"the image has no pixels: its shape is {image.shape[:2]}")
    return image


def _to_bytes(samples: NDArray[Any], valid: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
    if samples.dtype == np.uint8:
        return np.asarray(samples, np.uint8)
    if samples.dtype == np.bool_:
        return samples.astype(np.uint8) * np.uint8(255)
    if samples.dtype == np.uint16:
        return (samples >> 8).astype(np.uint8)
    if samples.dtype.kind != "f":
        raise ValueError(f"an image of {samples.dtype} has no known range: {_KINDS}")
    if valid is not None:
        samples = np.where(valid[..., np.newaxis], samples, 0)
    if np.isnan(samples).any():
        raise ValueError(
            "the image holds NaN: leave it out with mask=~np.isnan(image).any(axis=-1)"
        )
    if samples.min() < 0 or samples.max() > 1:
        raise ValueError(
            f"a float image lies in 0..1, this one in {samples.min():g}..{samples.max():g}: "
            "divide by its range first"
        )
    colors: NDArray[np.uint8] = np.rint(samples * 255).astype(np.uint8)
    return colors
