"""From samples of any kind to a picture: which bands, which range, which pixels have data."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.guards.limits import MAX_PIXELS
from spam_pipe.pipeline.datasets.images.strips import strips
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Picture

STRETCH = (2.0, 98.0)
"""Percentiles that become black and white where nothing else is said."""

Limits = tuple[float, float]

Scale = Callable[[NDArray[Any]], NDArray[np.uint8]]
"""Brings rows of samples, (h, W, C), to 8 bits."""


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
    scale, limits = _scale(values, valid, samples.limits, reading.stretch, as_seen)
    facts: dict[str, Any] = {}
    if reading.bands is not None or not whole:
        facts["bands"] = list(bands)
    if limits:
        facts |= {"samples": samples.values.dtype.name, "limits": [list(pair) for pair in limits]}
        if samples.limits is None or reading.stretch is not None:
            facts["percentiles"] = list(reading.stretch or STRETCH)
    if scale is None and values.shape[2] == 3 and _is_white(values, valid):
        return Picture(np.ascontiguousarray(values), valid, facts)
    colors = np.empty((*values.shape[:2], 3), np.uint8)
    for rows in _strips(values):
        colors[rows] = values[rows] if scale is None else scale(values[rows])
        if valid is not None:
            colors[rows][~valid[rows]] = 255
    return Picture(colors, valid, facts)


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
    nodata = samples.nodata
    if nodata is None or np.isnan(nodata):
        nodata = None
        if values.dtype.kind != "f":
            return None if samples.valid is None or samples.valid.all() else samples.valid
    valid = np.ones(values.shape[:2], np.bool_) if samples.valid is None else samples.valid.copy()
    for rows in _strips(values):
        if nodata is not None:
            valid[rows] &= (values[rows] != nodata).any(axis=2)
        if values.dtype.kind == "f":
            valid[rows] &= np.isfinite(values[rows]).all(axis=2)
    return None if valid.all() else valid


def _is_white(values: NDArray[np.uint8], valid: NDArray[np.bool_] | None) -> bool:
    """Say whether pixels without data are white already."""
    return valid is None or all(
        (values[rows][~valid[rows]] == 255).all() for rows in _strips(values)
    )


def _strips(values: NDArray[Any]) -> Iterator[slice]:
    """Yield the rows of an image of samples, few at a time: they become floats on the way."""
    return strips(len(values), 8 * prod(values.shape[1:]))


def _scale(
    values: NDArray[Any],
    valid: NDArray[np.bool_] | None,
    stated: Limits | None,
    percentiles: Limits | None,
    as_seen: bool,
) -> tuple[Scale | None, list[Limits]]:
    """Return what makes rows of samples 8 bits, and the limits of each band if it stretches them.

    None stands for samples that are 8 bits as they are.
    """
    if percentiles is None and stated is None:
        if values.dtype == np.uint8:
            return None, []
        if values.dtype == np.bool_:
            return _from_bits, []
        if as_seen and values.dtype == np.uint16:
            return _high_byte, []
        if as_seen and values.dtype.kind == "f" and _within_one(values, valid):
            return _from_shares, []
    fixed = stated if percentiles is None else None
    limits = [
        fixed or _limits_of(values[..., band], valid, percentiles or STRETCH)
        for band in range(values.shape[2])
    ]

    def stretched(rows: NDArray[Any]) -> NDArray[np.uint8]:
        if rows.dtype == np.bool_:
            rows = _from_bits(rows)
        bands = [_scaled(rows[..., band], own) for band, own in enumerate(limits)]
        return np.stack(bands, axis=2)

    return stretched, limits


def _from_bits(rows: NDArray[Any]) -> NDArray[np.uint8]:
    return rows.astype(np.uint8) * np.uint8(255)


def _high_byte(rows: NDArray[Any]) -> NDArray[np.uint8]:
    return (rows >> 8).astype(np.uint8)


def _from_shares(rows: NDArray[Any]) -> NDArray[np.uint8]:
    shares = np.where((rows >= 0) & (rows <= 1), rows, 1)
    return np.asarray(np.rint(shares * 255), np.uint8)


def _within_one(values: NDArray[Any], valid: NDArray[np.bool_] | None) -> bool:
    for rows in _strips(values):
        seen = values[rows] if valid is None else values[rows][valid[rows]]
        if seen.size and not (seen.min() >= 0 and seen.max() <= 1):
            return False
    return True


def _limits_of(band: NDArray[Any], valid: NDArray[np.bool_] | None, percentiles: Limits) -> Limits:
    seen = band if valid is None else band[valid]
    return _percentiles(_from_bits(seen) if seen.dtype == np.bool_ else seen, percentiles)


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
