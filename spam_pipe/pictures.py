"""From scikit-image's kinds of images and masks to the 8-bit colours that the stages see."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.numeric import native
from spam_pipe.stages.principal import principal_components
from spam_pipe.stages.validity import VOID

_HALF_A_LEVEL = 0.5 / 255
"""How far floats may lie outside of 0..1: as much as rounding to 8 bits takes away."""


Bands = Literal["all"] | Sequence[int] | None
"""That all channels are bands to compare pixels by: all, or which three of them are seen."""


def as_inputs(
    image: ArrayLike, mask: ArrayLike | None, channel_axis: int | None, bands: Bands = None
) -> Inputs:
    """Return what the stages read of an image.

    Parameters
    ----------
    image
        (H, W) grey, or with channels at `channel_axis`. One or three are a picture's: any
        integers, which mean what `skimage.util.img_as_float` takes them for, bool, or floats in
        0..1. Two, or more than four, are bands of any range, as are four of which `bands` says so.
        Outside of the mask it may hold anything; what a masked array masks is outside.
    mask
        (H, W), True or 1 where the image counts.
    channel_axis
        Where the channels are; None for a grey image without them.
    bands
        ``"all"`` for bands of which the first three principal components are seen, or three
        channels, from 0, that are; bands that are not seen count as components (`Inputs.bands`).

    Raises
    ------
    ValueError
        When the image or the mask is anything else, or no pixel counts.
    """
    samples = _channels_last(np.ma.asanyarray(image), channel_axis, bands)
    valid = None if mask is None else as_mask(mask, samples.shape[:2])
    if isinstance(samples, np.ma.MaskedArray) and np.ma.is_masked(samples):
        shown = ~np.ma.getmaskarray(samples).any(axis=2)
        valid = as_mask(shown if valid is None else shown & valid, samples.shape[:2])
    plain = native(np.ma.getdata(samples))
    further = None
    if plain.shape[2] in (1, 3) and bands is None:
        colors = _to_bytes(plain, valid, channel_axis)
    else:
        colors, further = _false_colors(plain, valid, channel_axis, bands)
    if colors.shape[2] == 1:
        colors = np.repeat(colors, 3, axis=2)
    colors = np.ascontiguousarray(colors)
    digest = sha256(repr(colors.shape).encode() + colors.tobytes()).hexdigest()
    return Inputs(image=colors, image_digest=digest, bands=further, valid=valid)


def as_mask(mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return a mask as booleans; ValueError if it has another shape, or is empty."""
    array = np.asarray(mask)
    if array.shape != shape:
        raise ValueError(f"the mask is of shape {array.shape} where the image is {shape}")
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise ValueError("a mask holds True and False, or 1 and 0: compare first, as in mask > 0")
    valid = array.astype(np.bool_)
    if not valid.any():
        raise ValueError("the mask leaves no pixel of the image: it is True where pixels count")
    return valid


def as_truth(truth: ArrayLike, ignore: int | Sequence[int]) -> NDArray[Any]:
    """Return a ground truth with `VOID` where it is masked or holds a value to ignore."""
    given = native(np.ma.asanyarray(truth))
    plain = np.asarray(np.ma.getdata(given))
    void = np.isin(plain, ignore) | np.ma.getmaskarray(given)
    return np.where(void, VOID, plain.astype(np.int64)) if void.any() else plain


def _channels_last(image: NDArray[Any], channel_axis: int | None, bands: Bands) -> NDArray[Any]:
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
    if image.shape[2] == 4 and bands is None:
        color, alpha = _nth(channel_axis, ":3"), _nth(channel_axis, "3")
        raise ValueError(
            f"four channels may be RGBA or four bands: of RGBA give {color}, and mask={alpha} > 0 "
            "to leave out what is transparent; of four bands bands='all', or the three to be seen, "
            "as in bands=(2, 1, 0)"
        )
    if image.size == 0:
        raise ValueError(f"the image has no pixels: its shape is {image.shape[:2]}")
    return image


def _nth(channel_axis: int | None, which: str) -> str:
    """Return how some channels of the image at hand are written."""
    place = ["..."] if channel_axis in (-1, 2) else [":"] * ((channel_axis or 0) % 3)
    return f"image[{', '.join([*place, which])}]"


def _false_colors(
    samples: NDArray[Any],
    valid: NDArray[np.bool_] | None,
    channel_axis: int | None,
    bands: Bands,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return what is seen of bands of any range, and the components of what is not."""
    if samples.dtype.kind not in "biuf":
        raise ValueError(f"an image of {samples.dtype} is none: give integers, bool, or floats")
    counted = samples if valid is None else samples[valid]
    if samples.dtype.kind == "f" and not np.isfinite(counted).all():
        raise ValueError(
            "the image holds NaN or infinity: leave it out with "
            f"mask=np.isfinite(image).all(axis={channel_axis})"
        )
    if bands is None or isinstance(bands, str):
        if bands not in (None, "all") or samples.shape[2] < 2:
            raise ValueError(f"bands is 'all', of two or more, or three channels, not {bands!r}")
        found = principal_components(samples, valid)
        assert found.colors is not None
        return found.colors, found.further
    n = samples.shape[2]
    if len(bands) != 3 or not all(-n <= band < n for band in bands):
        raise ValueError(f"bands are three channels in 0..{n - 1}, not {bands!r}")
    shown = [band % n for band in bands]
    seen = samples[..., shown]
    counted = seen.reshape(-1, 3) if valid is None else seen[valid]
    low, high = np.percentile(counted, (2, 98), axis=0)
    levels = 255 * np.clip((seen - low) / np.where(high > low, high - low, 1), 0, 1)
    colors = np.rint(np.nan_to_num(levels)).astype(np.uint8)
    return colors, principal_components(samples, valid, shown).further


def _to_bytes(
    samples: NDArray[Any], valid: NDArray[np.bool_] | None, channel_axis: int | None
) -> NDArray[np.uint8]:
    """Bring (H, W, C) samples to 8 bits as `skimage.util.img_as_ubyte` does."""
    if samples.dtype == np.uint8:
        return np.asarray(samples, np.uint8)
    if samples.dtype == np.bool_:
        return samples.astype(np.uint8) * np.uint8(255)
    if samples.dtype.kind not in "iuf":
        raise ValueError(
            f"an image of {samples.dtype} is none: give integers, bool, or floats in 0..1"
        )
    if valid is not None:
        samples = np.where(valid[..., np.newaxis], samples, samples[valid][0])
    if samples.dtype.kind != "f":
        return _integers_to_bytes(samples)
    if np.isnan(samples).any():
        axis = "" if channel_axis is None else f".any(axis={channel_axis})"
        raise ValueError(f"the image holds NaN: leave it out with mask=~np.isnan(image){axis}")
    if samples.min() < -_HALF_A_LEVEL or samples.max() > 1 + _HALF_A_LEVEL:
        raise ValueError(
            f"a float image lies in 0..1, this one in {samples.min():g}..{samples.max():g}: "
            "bring it there first, as in (image - image.min()) / np.ptp(image)"
        )
    colors: NDArray[np.uint8] = np.rint(np.clip(samples, 0, 1) * 255).astype(np.uint8)
    return colors


def _integers_to_bytes(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Keep the 8 highest bits of integers; where they say too little, stretch what is there.

    Values below 0, and values that leave the upper half of the range unused (12 bits in 16, a
    picture's 0..255 in int64), are brought to 0..255 from the least to the most, as
    `skimage.segmentation.slic` does with every image, and a warning says so.
    """
    low, high = int(samples.min()), int(samples.max())
    most = int(np.iinfo(samples.dtype).max)
    if low >= 0 and (high > most // 2 or high == low == 0):
        spare = most.bit_length() - 8
        return (samples >> spare if spare >= 0 else samples.astype(np.uint8) << 1).astype(np.uint8)
    warnings.warn(
        f"an image of {samples.dtype} has values in {low}..{high}, of up to {most}: they are "
        "stretched to all that can be seen; scale it before, for something else",
        UserWarning,
        stacklevel=6,
    )
    shares = (samples.astype(np.float64) - low) / max(high - low, 1)
    return np.asarray(np.rint(shares * 255), np.uint8)
