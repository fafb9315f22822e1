"""Reads TIFFs that Pillow cannot: many bands, deep samples, maps, stacks, label maps."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.guards.limits import check_packing, check_size
from spam_pipe.pipeline.datasets.guards.tiff_segments import check_segments
from spam_pipe.pipeline.datasets.images.bands import (
    Alpha,
    Reading,
    Samples,
    Scaling,
    holds_data,
    rescaled,
)
from spam_pipe.pipeline.datasets.images.orientation import ORIENTATION, known, upright
from spam_pipe.pipeline.datasets.images.planes import Lengths, check_plane, plane_index
from spam_pipe.pipeline.datasets.images.sidecar_xml import refuse_of_palette
from spam_pipe.pipeline.datasets.images.tiff_pages import (
    SUBDIRECTORIES,
    Pages,
    check_subdirectories,
    pages_of,
)
from spam_pipe.pipeline.errors import DataError

_GRID = (33550, 34264, 33922)  # ModelPixelScale, ModelTransformation, ModelTiepoint
_GDAL_METADATA = 42112
GEO_KEYS, NODATA = 34735, 42113
"""Tags that a photograph does not have: the GeoTIFF standard's keys, and GDAL's nodata value."""

_SUFFIXES = (".tif", ".tiff")

_BANDS = ("C", "S")
"""Letters of tifffile's axes that are bands: channels and samples."""

_ASSOCIATED, _UNASSOCIATED = 1, 2  # kinds of opacity, of the tag ExtraSamples
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE = 0, 1, 2, 3  # of PhotometricInterpretation
_CMYK, _YCBCR = 5, 6
_PICTURES = (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR)
_N_SAMPLES = {_RGB: 3, _YCBCR: 3, _CMYK: 4}
"""Colour samples per pixel by PhotometricInterpretation; 1 for all others."""

_UNSEEN = (_CMYK, 8, 9, 10, 32803, 32844, 32845)  # the Lab kinds, a camera's raw mosaic, logarithms
_JPEG = (6, 7)  # of Compression: its decoder makes RGB of YCbCr
_UNSIGNED, _UNDEFINED = 1, 4  # of SampleFormat


def is_ome_tiff(path: Path) -> bool:
    """Say whether a file is called an OME-TIFF."""
    return path.suffix.lower() in _SUFFIXES and path.stem.lower().endswith(".ome")


def plain_pages(path: Path) -> int | None:
    """Return the number of a TIFF's pages if Pillow reads them fully; else None.

    It does where there are 8 bits, and no map, mask or stack.
    """
    try:
        with tifffile.TiffFile(path, _multifile=False) as file:
            pages = pages_of(file, path)
            page = file.pages[0]
            plain = (
                pages.images[0] == 0
                and 0 not in pages.masks
                and not _has_axes(file)
                and page.bitspersample in (1, 2, 4, 8)
                and page.sampleformat in (_UNSIGNED, _UNDEFINED)
                and page.photometric in _PICTURES
                and NODATA not in page.tags
                and SUBDIRECTORIES not in page.tags
                and not _scaling_of(page)
                and not _has_narrow_palette(page)
                and _alpha_of(page) in (None, page.samplesperpixel - 1)
                and page.samplesperpixel - (_alpha_of(page) is not None)
                == _N_SAMPLES.get(page.photometric, 1)
            )
            return _n_pages(file, pages) if plain else None
    except DataError:
        raise
    except Exception:  # Pillow may read it, and else says what is wrong
        return 1


def _n_pages(file: Any, pages: Pages) -> int:
    """Return the number of full-size images in a file without named axes.

    MetaMorph's stacks, and tifffile's where it is told to, keep one directory for all.
    """
    n = len(pages.images)
    if n == 1 and (file.is_shaped or file.is_stk):
        n = max(n, prod(file.series[0].shape) // max(1, file.pages[pages.images[0]].size))
    return n


def _has_narrow_palette(page: Any) -> bool:
    """Say whether a palette has 8 bits instead of 16, as old programs wrote it."""
    return bool(page.photometric == _PALETTE and np.max(page.colormap, initial=0) < 256)


def tiff_planes(path: Path, series: int = 0) -> Lengths:
    """Return the axes of a TIFF along which its planes are counted, and how many there are.

    Of an OME-TIFF or a stack of ImageJ's the axes that have a name, bands aside; of another one
    its pages, masks and reduced images aside.
    """
    with open_tiff(path) as file:
        return _lengths(file, path, series)


def has_ground_tags(path: Path) -> bool:
    """Say whether a TIFF itself says something of where on the ground it lies."""
    with open_tiff(path) as file:
        return any(tag in file.pages[0].tags for tag in (GEO_KEYS, *_GRID))


def orientation_tag(path: Path) -> int:
    """Return how the first image of a TIFF has to be turned."""
    with open_tiff(path) as file:
        return _orientation_of(file.pages[pages_of(file, path).images[0]])


def n_series(path: Path) -> int:
    """Return how many images an OME-TIFF holds."""
    with open_tiff(path) as file:
        return len(file.series) if file.is_ome else 1


def read_tiff(path: Path, reading: Reading, plane: str | None, series: int = 0) -> Samples:
    """Read one plane of a TIFF, by default its first.

    Raises
    ------
    DataError
        When it can't be read, is too large, or has no such plane.
    """
    with open_tiff(path) as file:
        if _has_axes(file):
            return _stack_plane(file, path, reading, plane, series)
        pages = pages_of(file, path)
        number = plane_index(plane, ("p",), path)[0] if plane is not None else 0
        if number >= len(pages.images):
            raise DataError(
                f"{path}: has {len(pages.images)} pages, not {number + 1}; save it again"
            )
        found = _read_page(file, pages, pages.images[number], path, reading)
        page = file.pages[pages.images[number]]
        return _samples(page, found, path, _first_of(plane, {"p": _n_pages(file, pages)}))


@dataclass(frozen=True)
class Page:
    """A page, upright.

    Attributes
    ----------
    values
        (H, W, C) what it stores.
    valid
        (H, W) bool, False where its transparency mask is 0; None without one.
    orientation
        How it was turned.
    """

    values: NDArray[Any]
    valid: NDArray[np.bool_] | None
    orientation: int


def label_pages(path: Path, max_pixels: int, most_bytes: int) -> Iterator[NDArray[Any]]:
    """Yield the pages of a TIFF of labels: (H, W) or (H, W, C) arrays, masked where it masks.

    Raises
    ------
    DataError
        When it can't be read or is too large.
    """
    with open_tiff(path) as file:
        pages = pages_of(file, path)
        for number in pages.images:
            page = file.pages[number]
            if page.nbytes > most_bytes:
                raise DataError(f"{path}: a label map of shape {page.shape} is too large")
            found = _read_page(file, pages, number, path, Reading(max_pixels=max_pixels))
            values, valid = found.values, found.valid
            if page.bitspersample == 1 and page.photometric == _WHITE_IS_ZERO:
                values = np.logical_not(values)  # what was painted white counts
            if (alpha := _alpha_of(page)) is not None:
                opaque = values[..., alpha] != 0
                valid = opaque if valid is None else valid & opaque
                values = np.delete(values, alpha, axis=2)
            if (nodata := _nodata_of(page)) is not None:
                holds = holds_data(values, nodata)
                valid = holds if valid is None else valid & holds
            labels = values[..., 0] if values.shape[2] == 1 else values
            if valid is None or valid.all():
                yield labels
            else:
                hidden = ~valid if labels.ndim == 2 else ~valid[..., np.newaxis]
                yield np.ma.MaskedArray(labels, np.broadcast_to(hidden, labels.shape))


class CodecMissingError(DataError):
    """A TIFF is compressed in a way that nothing installed here unpacks."""


@contextmanager
def open_tiff(path: Path) -> Iterator[Any]:
    """Open a TIFF with tifffile; all its errors become a DataError."""
    try:
        # Of several files that are said to be one image, only the one that was named is read.
        with tifffile.TiffFile(path, _multifile=False) as file:
            yield file
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except Exception as error:  # a decoder may fail in any way on a damaged file
        reason = (str(error).strip().split("\n")[0]) or type(error).__name__
        if "imagecodecs" in reason:
            raise CodecMissingError(
                f"{path}: is compressed in a way that takes imagecodecs to read: "
                "pip install 'spam-pipe[tiff]'"
            ) from error
        raise DataError(
            f"{path}: is not a TIFF that can be read ({reason}); save it as PNG"
        ) from error


def _has_axes(file: Any) -> bool:
    """Say whether the file names the axes of a stack: OME's and ImageJ's do."""
    return bool(file.is_ome or (file.is_imagej and file.series[0].axes not in ("YX", "YXS")))


def _lengths(file: Any, path: Path, series: int = 0) -> Lengths:
    if not _has_axes(file):
        return {"p": len(pages_of(file, path).images)}
    found = file.series[series]
    lengths = zip(found.axes, found.shape, strict=True)
    return {axis.lower(): n for axis, n in lengths if axis not in "YX" and axis not in _BANDS}


def _first_of(plane: str | None, lengths: Lengths) -> dict[str, Any]:
    """Return the fact that other planes than the first exist, unless the user asked for one."""
    counted = {axis: n for axis, n in lengths.items() if n != 1}
    return {"first_of": counted} if plane is None and counted else {}


def _samples(page: Any, found: Page, path: Path, facts: dict[str, Any]) -> Samples:
    values, numbers = found.values, None
    alpha = None
    if (at := _alpha_of(page)) is not None:
        kind = int(page.extrasamples[at - page.samplesperpixel])
        alpha = Alpha(values[..., at], premultiplied=kind == _ASSOCIATED)
        numbers = tuple(n + 1 for n in range(values.shape[2]) if n != at)
        values = values[..., [n - 1 for n in numbers]]
    bits, valid, nodata = page.bitspersample, found.valid, _nodata_of(page)
    photograph = nodata is None and GEO_KEYS not in page.tags
    words = values.dtype.kind == "u" and bits < 8 * values.dtype.itemsize
    if nodata is not None and page.photometric in (_WHITE_IS_ZERO, _PALETTE):
        holds = holds_data(values, nodata)  # it is a stored value, not a colour
        valid, nodata = (holds if valid is None else valid & holds), None
    if page.photometric == _PALETTE:
        refuse_of_palette(path)
    values = _colors_of(page, values, path)
    made = Samples(
        values,
        valid,
        nodata=nodata,
        # 12 bits in 16: the file states the range.
        limits=(0.0, 2.0**bits - 1) if words and page.photometric != _PALETTE else None,
        named=(1, 2, 3) if page.photometric == _RGB and values.shape[2] >= 3 else None,
        photograph=photograph,
        alpha=alpha,
        numbers=numbers,
        orientation=found.orientation,
        facts=facts,
    )
    stored = [n - 1 for n in numbers] if numbers else range(values.shape[2])
    scaling = _scaling_of(page)
    return rescaled(made, [scaling.get(band, (1.0, 0.0)) for band in stored])


def _scaling_of(page: Any) -> dict[int, Scaling]:
    """Return scale and offset by band, from 0, that GDAL wrote beside the pixels."""
    found: dict[str, dict[int, float]] = {"scale": {}, "offset": {}}
    tag = page.tags.get(_GDAL_METADATA)
    for attributes, text in _ITEM.findall(str(tag.value)) if tag is not None else ():
        said = dict(_ATTRIBUTE.findall(attributes))
        number = _number(text)
        if said.get("role") in found and number is not None and said.get("sample", "0").isdecimal():
            found[said["role"]][int(said.get("sample", "0"))] = number
    bands = {*found["scale"], *found["offset"]}
    return {n: (found["scale"].get(n, 1.0), found["offset"].get(n, 0.0)) for n in bands}


_ITEM, _ATTRIBUTE = re.compile(r"<Item\s([^>]*)>([^<]*)</Item>"), re.compile(r'(\w+)="([^"]*)"')


def _read_page(file: Any, pages: Pages, number: int, path: Path, reading: Reading) -> Page:
    page = file.pages[number]
    _check(page, path, reading)
    check_subdirectories(page, path)
    values = _last_bands(page.asarray(), page.axes, path)
    valid = None
    if (at := pages.masks.get(number)) is not None:
        mask = file.pages[at]
        _check(mask, path, reading)
        shown = _last_bands(mask.asarray(), mask.axes, path)
        if shown.shape[:2] != values.shape[:2]:
            raise DataError(
                f"{path}: its mask is {shown.shape[0]} × {shown.shape[1]}, its image "
                f"{values.shape[0]} × {values.shape[1]}; save it again"
            )
        valid = (shown != 0).any(axis=2)
    turn = _orientation_of(page)
    seen = None if valid is None else upright(valid, turn)
    return Page(upright(values, turn), seen, turn)


def _colors_of(page: Any, values: NDArray[Any], path: Path) -> NDArray[Any]:
    """Undo what a TIFF does to its values before they are a picture's."""
    if page.photometric == _PALETTE and page.colormap is not None:
        colors = np.asarray(page.colormap)[:, values[..., 0]] >> 8 * (not _has_narrow_palette(page))
        return np.moveaxis(colors, 0, 2).astype(np.uint8)
    if page.photometric == _WHITE_IS_ZERO and values.dtype.kind not in "ub":
        raise DataError(
            f"{path}: calls 0 white, and its {values.dtype} samples have no black; save it with 0 "
            "as black"
        )
    if page.photometric == _WHITE_IS_ZERO:
        most = 1 if values.dtype.kind == "b" else 2**page.bitspersample - 1
        return (most - values).astype(values.dtype)
    subsampled = page.photometric == _YCBCR and page.compression not in _JPEG
    if page.photometric in _UNSEEN or subsampled:
        raise DataError(f"{path}: a TIFF in {page.photometric.name}; save it as RGB")
    return values


def _stack_plane(
    file: Any, path: Path, reading: Reading, plane: str | None, series: int
) -> Samples:
    """Read one plane of a stack of OME's or ImageJ's: its channels become bands."""
    if series >= len(file.series):
        raise DataError(f"{path}: has {len(file.series)} images, not {series + 1}; save it again")
    found = file.series[series]
    key = found.keyframe
    n_leading = len(found.axes) - len(key.axes)
    axes, lengths = found.axes[:n_leading].lower(), found.shape[:n_leading]
    # ImageJ writes stacks above 4 GB as one page that all others follow without a directory.
    follow = file.is_imagej and len(found.pages) == 1 and found.dataoffset is not None
    if len(found.pages) != prod(lengths) and not follow:
        raise DataError(
            f"{path}: its pages are not those that its OME metadata counts; save it again"
        )
    counted = {axis: n for axis, n in zip(axes, lengths, strict=True) if axis != "c"}
    chosen = check_plane(plane, counted, path)
    n_channels = dict(zip(axes, lengths, strict=True)).get("c", 1)
    _check(key, path, reading, n_channels)
    bands = []
    for channel in range(n_channels):
        place = [channel if axis == "c" else chosen[axis] for axis in axes]
        number = int(np.ravel_multi_index(place, lengths)) if place else 0
        if follow and number:
            file.filehandle.seek(found.dataoffset + number * key.nbytes)
            stored = file.filehandle.read_array(
                np.dtype(file.byteorder + key.dtype.char), prod(key.shape)
            )
            values = stored.reshape(key.shape)
        else:
            page = found.pages[number]
            values = np.zeros(key.shape, key.dtype) if page is None else page.asarray()
        bands.append(_last_bands(values, key.axes, path))
    values = np.concatenate(bands, axis=2)
    turn = _orientation_of(key)
    facts = _first_of(plane, counted)
    if len(file.series) > 1 and plane is None and not series:
        facts = {"first_of": {"images": len(file.series), **facts.get("first_of", {})}}
    return Samples(upright(values, turn), orientation=turn, facts=facts)


def _check(page: Any, path: Path, reading: Reading, n_pages: int = 1) -> None:
    sizes = dict(zip(page.axes, page.shape, strict=True))
    height, width = sizes.get("Y", 0), sizes.get("X", 0)
    per_pixel = page.dtype.itemsize * n_pages if page.dtype is not None else 0
    bands = prod(int(n) for axis, n in sizes.items() if axis not in "YX")
    check_size(path, height, width, reading.max_pixels, per_pixel * bands)
    n_pixels = height * width
    check_packing(path, n_pixels * per_pixel * bands, n_pixels * (per_pixel * (bands + 2) + 4))
    check_segments(page, path)


def _last_bands(values: NDArray[Any], axes: str, path: Path) -> NDArray[Any]:
    """Bring a page to (H, W, C)."""
    if axes == "YX":
        return values[..., np.newaxis]
    if axes == "YXS":
        return values
    if axes == "SYX":
        return np.moveaxis(values, 0, 2)
    raise DataError(f"{path}: a TIFF with the axes {axes}; save it as planes of height and width")


def _alpha_of(page: Any) -> int | None:
    """Return which band of a page, from 0, is its opacity; None where none is."""
    kinds = [int(kind) for kind in page.extrasamples or ()]
    opaque = [at for at, kind in enumerate(kinds) if kind in (_ASSOCIATED, _UNASSOCIATED)]
    return int(page.samplesperpixel) - len(kinds) + opaque[0] if opaque else None


def _orientation_of(page: Any) -> int:
    tag = page.tags.get(ORIENTATION)
    return known(None if tag is None else int(tag.value))


def _nodata_of(page: Any) -> float | None:
    """Return the value that GDAL says stands for no data."""
    tag = page.tags.get(NODATA)
    return None if tag is None else _number(tag.value)


def _number(text: Any) -> float | None:
    """Return GDAL's nodata value; None where it is no number."""
    try:
        return float(str(text).strip("\0 "))
    except ValueError:
        return None
