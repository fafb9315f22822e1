"""Converts samples of any kind to a picture: chooses bands, range and valid pixels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.guards.limits import MAX_PIXELS
from spam_pipe.pipeline.datasets.images.strips import strips
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Picture
from spam_pipe.stages.numeric import native
from spam_pipe.stages.principal import principal_components

STRETCH = (2.0, 98.0)
"""Default percentiles that become black and white."""

_HALF_A_LEVEL = 0.5 / 255

Limits = tuple[float, float]

Scale = Callable[[NDArray[Any]], NDArray[np.uint8]]
"""Brings rows of samples, (h, W, C), to 8 bits."""


@dataclass(frozen=True)
class Reading:
    """The user's options of reading images.

    Attributes
    ----------
    bands
        Which bands, from 1, are red, green and blue, or the one that is grey; None where the file
        says it.
    every
        Whether all bands count, not only those that are seen; where `bands` is None, the first
        principal components are seen.
    stretch
        Percentiles that become black and white; None to stretch only what has no range of its
        own.
    max_pixels
        Images with more are refused.
    """

    bands: tuple[int, ...] | None = None
    every: bool = False
    stretch: tuple[float, float] | None = None
    max_pixels: int = MAX_PIXELS

    @property
    def token(self) -> str:
        """The options that change the picture, as text; empty for the defaults."""
        asked = ["components"] if self.every else []
        asked += [",".join(map(str, self.bands))] if self.bands else []
        bands = f":bands={':'.join(asked)}" if asked else ""
        stretch = "" if self.stretch is None else ":stretch={:g},{:g}".format(*self.stretch)
        return bands + stretch


Nodata = float | tuple[float | None, ...] | None
"""The value that stands for no data, the same in all bands, or one for each band that has one."""


@dataclass(frozen=True)
class Alpha:
    """How opaque pixels are.

    Attributes
    ----------
    values
        (H, W): integers up to the most that their kind holds, floats up to 1.
    premultiplied
        Whether colours are stored multiplied by it ("associated" in TIFF's words).
    """

    values: NDArray[Any]
    premultiplied: bool = False

    def shares(self, rows: slice) -> NDArray[np.float64]:
        """Return the opacity of rows, (h, W, 1) in 0..1."""
        values = self.values[rows, :, np.newaxis]
        most = 1.0 if values.dtype.kind in "fb" else float(np.iinfo(values.dtype).max)
        return np.clip(values.astype(np.float64) / most, 0, 1)


@dataclass(frozen=True)
class Samples:
    """The samples of a file and their metadata.

    Attributes
    ----------
    values
        (H, W, C), any integers or floats.
    valid
        (H, W) bool, False where the file itself says that there is no data; None where it
        says nothing.
    nodata
        The value that stands for no data, in all bands at once.
    alpha
        How opaque pixels are; None where all are.
    numbers
        The file's numbers of the bands, from 1; None where these are all that it has.
    orientation
        How the stored picture was turned to be upright (EXIF's 1 to 8).
    facts
        What had to be chosen to get this far, JSON-serialisable.
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
    nodata: Nodata = None
    limits: Limits | None = None
    named: tuple[int, ...] | None = None
    photograph: bool = False
    alpha: Alpha | None = None
    numbers: tuple[int, ...] | None = None
    orientation: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)


def to_picture(samples: Samples, reading: Reading, path: Path) -> Picture:
    """Bring samples to 8 bits of red, green and blue.

    8 bits stay as they are. A photograph's 16 bits keep their high byte, unless none of them
    reaches half of the range; its floats in 0..1 are scaled. Whatever else there is, and
    everything once percentiles or (but for 8 bits) bands are asked for, is stretched band by
    band, from the 2nd to the 98th percentile of the valid pixels. Pixels without data become
    white. They are those that the file masks or that are not opaque at all, those that hold its
    nodata value in all chosen bands, and those that hold NaN or infinity in any.

    Parameters
    ----------
    samples
        Samples of the file.
    reading
        The user's options.
    path
        What an error names.

    Raises
    ------
    DataError
        When there are several bands and no choice of them, fewer than were asked for, or the
        samples are no real numbers.
    """
    if samples.values.dtype.kind not in "buif":
        raise DataError(
            f"{path}: holds {samples.values.dtype} samples; save the image as integers or floats"
        )
    numbers = samples.numbers or tuple(range(1, samples.values.shape[2] + 1))
    if reading.every and reading.bands is None and len(numbers) not in (1, 3):
        return _components(samples)
    bands = _chosen(samples, numbers, reading, path)
    columns = [numbers.index(band) for band in bands]
    whole = bands == numbers
    values = samples.values if whole else samples.values[..., columns]
    values = native(_as_opaque(values, samples.alpha))
    nodata = samples.nodata
    if isinstance(nodata, tuple):
        nodata = tuple(nodata[column] for column in columns)
    valid = _with_data(values, samples, nodata)
    as_seen = samples.photograph and reading.bands is None and reading.stretch is None
    further: NDArray[np.float32] | None = None
    told: dict[str, Any] = {}
    if reading.every and not whole:
        every = native(_as_opaque(samples.values, samples.alpha))
        valid = _with_data(every, samples, samples.nodata)
        found = principal_components(every, valid, columns)
        further = found.further
        told = {"n_components": further.shape[2], "kept": found.kept}
    scale, limits = _scale(values, valid, samples.limits, reading.stretch, as_seen)
    facts: dict[str, Any] = dict(samples.facts)
    if reading.bands is not None or not whole:
        facts |= {"bands": list(bands), "n_bands": len(numbers), **told}
    if limits:
        facts |= {"samples": samples.values.dtype.name, "limits": [list(pair) for pair in limits]}
        if samples.limits is None or reading.stretch is not None:
            facts["percentiles"] = list(reading.stretch or STRETCH)
    plain = scale is None and values.shape[2] == 3 and samples.alpha is None
    if plain and _is_white(values, valid):
        return Picture(np.ascontiguousarray(values), valid, facts, further)
    colors = np.empty((*values.shape[:2], 3), np.uint8)
    for rows in _strips(values):
        colors[rows] = values[rows] if scale is None else scale(values[rows])
        if samples.alpha is not None:
            share = samples.alpha.shares(rows)
            colors[rows] = np.rint(colors[rows] * share + 255 * (1 - share))
        if valid is not None:
            colors[rows][~valid[rows]] = 255
    return Picture(colors, valid, facts, further)


def _components(samples: Samples) -> Picture:
    """Show the first three principal components of all bands; keep the further ones."""
    values = native(_as_opaque(samples.values, samples.alpha))
    valid = _with_data(values, samples, samples.nodata)
    found = principal_components(values, valid)
    assert found.colors is not None
    if valid is not None:
        found.colors[~valid] = 255
    facts = {
        **samples.facts,
        **{"bands": "all", "n_bands": values.shape[2], "share": found.seen},
        **{"n_components": found.further.shape[2], "kept": found.kept},
    }
    return Picture(found.colors, valid, facts, found.further)


def said_of(facts: Mapping[str, Any]) -> str:
    """Return the table's note on how an image was read; empty where nothing was chosen."""
    notes = []
    if counted := facts.get("first_of"):
        counts = ", ".join(f"{n} {_AXES.get(axis, axis)}" for axis, n in counted.items())
        notes.append(f"the first of {counts}")
    if n_overlays := facts.get("overlays"):
        notes.append(f"{n_overlays} overlay{'s' * (n_overlays > 1)} not drawn")
    if scales := facts.get("scaled"):
        said = ", ".join("× {:g} + {:g}".format(*pair) for pair in scales[:_SAID])
        notes.append(f"stored values {said}{' …' * (len(scales) > _SAID)}")
    if n_bad := facts.get("bad_bands"):
        notes.append(f"without {n_bad} band{'s' * (n_bad > 1)} that its header calls bad")
    if facts.get("bands") == "all":
        share = f"{100 * facts.get('share', 0):.0f} %"
        notes.append(f"principal components of {facts.get('n_bands')} bands ({share} of variance)")
    elif bands := facts.get("bands"):
        which = ", ".join(map(str, bands))
        notes.append(f"band{'s' * (len(bands) > 1)} {which} of {facts.get('n_bands', '?')}")
    if n_components := facts.get("n_components"):
        kept = f"{100 * facts['kept']:.1f} %"
        notes.append(f"spam compares {n_components} further components ({kept} of variance)")
    if percentiles := facts.get("percentiles"):
        limits = ", ".join(f"{low:g} to {high:g}" for low, high in facts["limits"][:_SAID])
        more = " …" if len(facts["limits"]) > _SAID else ""
        low, high = percentiles
        notes.append(
            f"{facts['samples']} stretched from percentile {low:g} to {high:g}: {limits}{more}"
        )
    return "; ".join(notes)


_AXES = {"p": "pages", "f": "frames"}
_SAID = 3
"""Bands whose limits are in the note."""


Scaling = tuple[float, float]
"""GDAL's scale and offset of a band: the value is scale · stored + offset."""


def rescaled(samples: Samples, bands: Sequence[Scaling]) -> Samples:
    """Apply scales and offsets; the result is float.

    The nodata value is a stored value: pixels are compared with it before.

    Parameters
    ----------
    samples
        As stored.
    bands
        Scale and offset of every band; (1, 0) of those that are as they are.
    """
    if all(each == (1.0, 0.0) for each in bands):
        return samples
    valid = samples.valid
    if samples.nodata is not None:
        holds = holds_data(samples.values, samples.nodata)
        valid = holds if valid is None else valid & holds
    wide = samples.values.dtype.itemsize > 2 and samples.values.dtype != np.float32
    scales, offsets = np.array(bands, np.float64 if wide else np.float32).T
    values = samples.values * scales + offsets
    facts = {**samples.facts, "scaled": [list(each) for each in bands]}
    limits = samples.limits
    if limits is not None:
        scale, offset = bands[0]
        same = len({*bands}) == 1 and scale > 0
        limits = (limits[0] * scale + offset, limits[1] * scale + offset) if same else None
    return replace(
        samples,
        values=values,
        valid=valid,
        nodata=None,
        limits=limits,
        photograph=False,
        facts=facts,
    )


def holds_data(values: NDArray[Any], nodata: Nodata) -> NDArray[np.bool_]:
    """Return where any band of (H, W, C) values differs from its nodata value."""
    if nodata is None or isinstance(nodata, tuple):
        each = nodata or (None,) * values.shape[2]
    else:
        each = (nodata,) * values.shape[2]
    holds = np.zeros(values.shape[:2], np.bool_)
    for band, value in enumerate(each):
        own = values[..., band]
        if value is None:
            holds[:] = True
        elif np.isnan(value):
            holds |= ~np.isnan(own) if own.dtype.kind == "f" else True
        else:
            holds |= own != value
    return holds


def _chosen(
    samples: Samples, numbers: tuple[int, ...], reading: Reading, path: Path
) -> tuple[int, ...]:
    """Return the bands, from 1, that are shown."""
    n = len(numbers)
    if reading.bands is not None:
        if missing := sorted({*reading.bands} - {*numbers}):
            asked = ",".join(map(str, reading.bands))
            has = "one band" if n == 1 else f"{n} bands"
            opacity = f" ({missing[0]} is opacity)" if missing[0] < max(numbers) else ""
            raise DataError(
                f"{path}: has {has}, --bands {asked} asks for band {missing[-1]}{opacity}"
            )
        return reading.bands
    if samples.named is not None:
        return samples.named
    if n in (1, 3):
        return numbers
    raise DataError(
        f"{path}: has {n} bands; say which are red, green and blue with --bands "
        f"{'3,2,1' if n > 2 else '1,2,2'}, which one is grey with --bands 1, or compare pixels by "
        "all with --bands all"
    )


def _as_opaque(values: NDArray[Any], alpha: Alpha | None) -> NDArray[Any]:
    """Divide premultiplied colours by their opacity."""
    if alpha is None or not alpha.premultiplied:
        return values
    plain = np.empty_like(values)
    most = np.inf if values.dtype.kind == "f" else np.iinfo(values.dtype).max
    for rows in _strips(values):
        share = alpha.shares(rows)
        full = np.clip(values[rows] / np.where(share > 0, share, 1), None, most)
        plain[rows] = full if values.dtype.kind == "f" else np.rint(full)
    return plain


def _with_data(values: NDArray[Any], samples: Samples, nodata: Nodata) -> NDArray[np.bool_] | None:
    """Return which pixels have data; None where all have."""
    if nodata is None and values.dtype.kind != "f" and samples.alpha is None:
        return None if samples.valid is None or samples.valid.all() else samples.valid
    valid = np.ones(values.shape[:2], np.bool_) if samples.valid is None else samples.valid.copy()
    if samples.alpha is not None:
        valid &= samples.alpha.values != 0
    for rows in _strips(values):
        if nodata is not None:
            valid[rows] &= holds_data(values[rows], nodata)
        if values.dtype.kind == "f":
            valid[rows] &= np.isfinite(values[rows]).all(axis=2)
    return None if valid.all() else valid


def _is_white(values: NDArray[np.uint8], valid: NDArray[np.bool_] | None) -> bool:
    """Say whether all pixels without data are white."""
    return valid is None or all(
        (values[rows][~valid[rows]] == 255).all() for rows in _strips(values)
    )


def _strips(values: NDArray[Any]) -> Iterator[slice]:
    """Yield strips of rows, small enough to be converted to floats."""
    return strips(len(values), 8 * prod(values.shape[1:]))


def _scale(
    values: NDArray[Any],
    valid: NDArray[np.bool_] | None,
    stated: Limits | None,
    percentiles: Limits | None,
    as_seen: bool,
) -> tuple[Scale | None, list[Limits]]:
    """Return the conversion of rows to 8 bits, and each band's limits where it stretches them.

    None stands for samples that are 8 bits as they are.
    """
    if percentiles is None and stated is None:
        if values.dtype == np.uint8:
            return None, []
        if values.dtype == np.bool_:
            return _from_bits, []
        if as_seen and values.dtype == np.uint16 and _uses_range(values, valid):
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
    shares = np.clip(np.where(np.isfinite(rows), rows, 1), 0, 1)
    return np.asarray(np.rint(shares * 255), np.uint8)


def _within_one(values: NDArray[Any], valid: NDArray[np.bool_] | None) -> bool:
    """Say whether floats lie in 0..1, up to half a level of 8 bits."""
    low, high = _extremes(values, valid)
    return low >= -_HALF_A_LEVEL and high <= 1 + _HALF_A_LEVEL


def _uses_range(values: NDArray[Any], valid: NDArray[np.bool_] | None) -> bool:
    """Say whether any 16-bit value reaches half of the range; 12-bit values do not."""
    _, high = _extremes(values, valid)
    return high >= 2**15 or high <= 0


def _extremes(values: NDArray[Any], valid: NDArray[np.bool_] | None) -> Limits:
    """Return the smallest and the largest valid value; 0 and 0 where none is valid."""
    found = []
    for rows in _strips(values):
        seen = values[rows] if valid is None else values[rows][valid[rows]]
        if seen.size:
            found += [float(seen.min()), float(seen.max())]
    return (min(found), max(found)) if found else (0.0, 0.0)


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
    """Map a band's limits to 0 and 255."""
    low, high = limits
    kind: type[np.floating[Any]]
    kind = np.float64 if band.dtype.itemsize > 2 and band.dtype != np.float32 else np.float32
    with np.errstate(invalid="ignore", over="ignore"):
        values: NDArray[np.floating[Any]] = band.astype(kind)
        shares = (values - low) / (high - low if high > low else 1)
        scaled = np.rint(np.clip(np.nan_to_num(shares, nan=0.0), 0, 1) * 255)
    return np.asarray(scaled, np.uint8)
