"""From samples of any kind to a picture: which bands, which range, which pixels have data."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.datasets.base import Picture
from pipeline.datasets.limits import MAX_PIXELS
from pipeline.errors import DataError

STRETCH = (2.0, 98.0)
"""Percentiles that become black and white where nothing else is said."""

Limits = tuple[float, float]


@dataclass(frozen=True)
class Reading:
    """What the user says of how images are read.

    Attributes
    ----------
    bands
        Which bands, from 1, are red, green and blue, or the one that is grey; None where the
        file says it.
    stretch
        Percentiles that become black and white; None to stretch only what has no range of its
        own.
    max_pixels
        Images with more are refused.
    """

    bands: tuple[int, ...] | None = None
    stretch: tuple[float, float] | None = None
    max_pixels: int = MAX_PIXELS

    @property
    def token(self) -> str:
        """What of this changes the picture, as a word; empty where nothing was said."""
        bands = "" if self.bands is None else f":bands={','.join(map(str, self.bands))}"
        stretch = "" if self.stretch is None else ":stretch={:g},{:g}".format(*self.stretch)
        return bands + stretch


@dataclass(frozen=True)
class Samples:
    """What a file holds, before anything was chosen.

    Attributes
    ----------
    values
        (H, W, C), any integers or floats.
    valid
        (H, W) bool, False where the file itself says that there is no data; None where it
        says nothing.
    nodata
        The value that stands for no data, in all bands at once.
    limits
        Values that become black and white, where the file states them.
    named
        Which bands, from 1, the file itself calls red, green and blue, or grey.
    photograph
        Whether it is a picture whose values are meant to be seen as they are: floats then range
        from 0 to 1, and 16 bits are used in full.
    """

    values: NDArray[Any]
    valid: NDArray[np.bool_] | None = None
    nodata: float | None = None
    limits: Limits | None = None
    named: tuple[int, ...] | None = None
    photograph: bool = False


def to_picture(samples: Samples, reading: Reading, path: Path) -> Picture:
    """Bring samples to 8 bits of red, green and blue.

    8 bits stay as they are. A photograph's 16 bits keep their high byte, its floats in 0..1 are
    scaled. Whatever else there is, and everything once percentiles or (but for 8 bits) bands are
    asked for, is stretched band by band, from the 2nd to the 98th percentile of the valid pixels.
    Pixels without data become white. They are those that the file masks, those that hold its
    nodata value in all chosen bands, and those that hold NaN or infinity in any.

    Parameters
    ----------
    samples
        What the file holds.
    reading
        What the user says of it.
    path
        What an error names.

    Raises
    ------
    DataError
        When there are more bands than can be seen and nobody says which, fewer than were asked
        for, or the samples are no numbers.
    """
    if samples.values.dtype.kind not in "buif":
        raise DataError(
            f"{path}: holds {samples.values.dtype} samples; save the image as integers or floats"
        )
    bands = _chosen(samples, reading, path)
    whole = bands == tuple(range(1, samples.values.shape[2] + 1))
    values = samples.values if whole else samples.values[..., [band - 1 for band in bands]]
    valid = _with_data(values, samples)
    as_seen = samples.photograph and reading.bands is None and reading.stretch is None
    colors, limits = _to_bytes(values, valid, samples.limits, reading.stretch, as_seen)
    facts: dict[str, Any] = {}
    if reading.bands is not None or not whole:
        facts["bands"] = list(bands)
    if limits:
        facts |= {"samples": samples.values.dtype.name, "limits": [list(pair) for pair in limits]}
        if samples.limits is None or reading.stretch is not None:
            facts["percentiles"] = list(reading.stretch or STRETCH)
    if colors.shape[2] == 1:
        colors = np.repeat(colors, 3, axis=2)
    if valid is not None:
        colors = np.where(valid[..., np.newaxis], colors, np.uint8(255))
    return Picture(np.ascontiguousarray(colors), valid, facts)


def _chosen(samples: Samples, reading: Reading, path: Path) -> tuple[int, ...]:
    """Return which bands, from 1, are seen."""
    n = samples.values.shape[2]
    if reading.bands is not None:
        if max(reading.bands) > n:
            asked = ",".join(map(str, reading.bands))
            has = "one band" if n == 1 else f"{n} bands"
            raise DataError(
                f"{path}: has {has}, --bands {asked} asks for band {max(reading.bands)}"
            )
        return reading.bands
    if samples.named is not None:
        return samples.named
    if n in (1, 3):
        return tuple(range(1, n + 1))
    raise DataError(
        f"{path}: has {n} bands; say which are red, green and blue with --bands 3,2,1, or which "
        "one is grey with --bands 1"
    )


def _with_data(values: NDArray[Any], samples: Samples) -> NDArray[np.bool_] | None:
    """Return where there is data; None where it is everywhere."""
    valid = samples.valid
    if samples.nodata is not None and not np.isnan(samples.nodata):
        filled = (values != samples.nodata).any(axis=2)
        valid = filled if valid is None else valid & filled
    if values.dtype.kind == "f":
        finite = np.isfinite(values).all(axis=2)
        valid = finite if valid is None else valid & finite
    return None if valid is None or valid.all() else valid


def _to_bytes(
    values: NDArray[Any],
    valid: NDArray[np.bool_] | None,
    stated: Limits | None,
    percentiles: Limits | None,
    as_seen: bool,
) -> tuple[NDArray[np.uint8], list[Limits]]:
    """Return (H, W, C) uint8, and the limits of each band where it was stretched."""
    if values.dtype == np.bool_:
        values = values.astype(np.uint8) * np.uint8(255)
    if percentiles is None and stated is None:
        if values.dtype == np.uint8:
            return values, []
        if as_seen and values.dtype == np.uint16:
            return (values >> 8).astype(np.uint8), []
        if as_seen and values.dtype.kind == "f":
            seen = values if valid is None else values[valid]
            if seen.size == 0 or (seen.min() >= 0 and seen.max() <= 1):
                filled = values if valid is None else np.where(valid[..., np.newaxis], values, 1)
                return np.rint(filled * 255).astype(np.uint8), []
    colors = np.empty(values.shape, np.uint8)
    limits = []
    for index in range(values.shape[2]):
        band = values[..., index]
        fixed = stated if percentiles is None else None
        own = fixed or _percentiles(band if valid is None else band[valid], percentiles or STRETCH)
        colors[..., index] = _scaled(band, own)
        limits.append(own)
    return colors, limits


def _percentiles(values: NDArray[Any], percentiles: Sequence[float]) -> Limits:
    if values.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(values, percentiles)
    if low == high:  # nearly all the same: what differs is all there is to see
        low, high = values.min(), values.max()
    return float(low), float(high)


def _scaled(band: NDArray[Any], limits: Limits) -> NDArray[np.uint8]:
    """Scale a band so that the limits become 0 and 255."""
    low, high = limits
    kind: type[np.floating[Any]]
    kind = np.float64 if band.dtype.itemsize > 2 and band.dtype != np.float32 else np.float32
    with np.errstate(invalid="ignore", over="ignore"):
        values: NDArray[np.floating[Any]] = band.astype(kind)
        shares = (values - low) / (high - low if high > low else 1)
        scaled = np.rint(np.clip(np.nan_to_num(shares, nan=0.0), 0, 1) * 255)
    return np.asarray(scaled, np.uint8)
