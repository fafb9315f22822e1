"""TIFFs of science and maps: many bands, deep samples, nodata, masks, planes."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.guards.limits import check_packing, check_size
from spam_pipe.pipeline.datasets.guards.tiff_segments import check_segments
from spam_pipe.pipeline.datasets.images.bands import Reading, Samples
from spam_pipe.pipeline.datasets.images.planes import Lengths, check_plane, plane_index
from spam_pipe.pipeline.datasets.images.strips import strips
from spam_pipe.pipeline.errors import DataError

GEO_KEYS, NODATA = 34735, 42113
"""Tags that a photograph does not have: the GeoTIFF standard's keys, and GDAL's nodata value."""

_GRID = (33550, 34264)  # ModelPixelScale, ModelTransformation

SUFFIXES = (".tif", ".tiff")

_BANDS = ("C", "S")
"""Letters of tifffile's axes that are bands: channels and samples."""

_ALPHA = (1, 2)  # of the tag ExtraSamples
_WHITE_IS_ZERO, _RGB, _PALETTE = 0, 2, 3  # of PhotometricInterpretation
_OTHER_COLORS = (5, 8, 9, 10)  # CMYK and the Lab kinds
_SEPARATE = 2  # of PlanarConfiguration


def is_tiff(path: Path) -> bool:
    """Say whether a file is called a TIFF."""
    return path.suffix.lower() in SUFFIXES


def is_ome_tiff(path: Path) -> bool:
    """Say whether a file is called an OME-TIFF."""
    return is_tiff(path) and path.stem.lower().endswith(".ome")


def is_georeferenced(path: Path) -> bool:
    """Say whether a TIFF says where on the ground it lies."""
    with _opened(path) as file:
        return any(tag in file.pages[0].tags for tag in (GEO_KEYS, *_GRID))


def tiff_planes(path: Path) -> Lengths:
    """Return the axes of a TIFF along which its planes are counted, and how many there are.

    Of an OME-TIFF the axes that have a name, bands aside; of another one its pages.
    """
    with _opened(path) as file:
        if file.is_ome:
            series = file.series[0]
            lengths = zip(series.axes, series.shape, strict=True)
            return {
                axis.lower(): n for axis, n in lengths if axis not in "YX" and axis not in _BANDS
            }
        return {"p": sum(1 for page in file.pages if not _is_mask(page))}


def read_tiff(path: Path, reading: Reading, plane: str | None) -> Samples:
    """Read one plane of a TIFF, by default its first.

    Raises
    ------
    DataError
        When it can't be read, is too large, or has no such plane.
    """
    with _opened(path) as file:
        if file.is_ome:
            values = _ome_plane(file.series[0], path, reading, plane)
            return Samples(values)
        number = plane_index(plane, ("p",), path)[0] if plane is not None else 0
        if number >= len(file.pages):
            raise DataError(f"{path}: has {len(file.pages)} pages, not {number + 1}; save it again")
        page = file.pages[number]
        following = file.pages[number + 1] if len(file.pages) > number + 1 else None
        return _page(page, following, path, reading)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
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
            raise DataError(
                f"{path}: is compressed in a way that takes imagecodecs to read: "
                "pip install 'spam-pipe[tiff]'"
            ) from error
        raise DataError(
            f"{path}: is not a TIFF that can be read ({reason}); save it as PNG"
        ) from error


def is_plain_picture(path: Path) -> bool:
    """Say whether Pillow sees all that a TIFF holds: no deep planes, map, mask or stack in it."""
    try:
        with tifffile.TiffFile(path, _multifile=False) as file:
            page = file.pages[0]
            following = file.pages[1] if len(file.pages) > 1 else None
            deep = page.bitspersample > 8
            unseen = NODATA in page.tags or (deep and GEO_KEYS in page.tags)
            misread = deep and page.planarconfig == _SEPARATE
            return not (unseen or misread or file.is_ome or _is_mask(following))
    except Exception:  # Pillow may read it, and else says what is wrong
        return True


def _page(page: Any, following: Any, path: Path, reading: Reading) -> Samples:
    _check(page, path, reading)
    values = _colors_of(page, _last_bands(page.asarray(), page.axes, path), path)
    valid = None
    if page.extrasamples and int(page.extrasamples[-1]) in _ALPHA:
        values, valid = _over_white(values)
    if _is_mask(following) and following.shape == values.shape[:2]:
        mask = np.asarray(following.asarray()) != 0
        valid = mask if valid is None else valid & mask
    nodata = page.tags.get(NODATA)
    return Samples(
        values,
        valid,
        nodata=None if nodata is None else _number(nodata.value),
        named=(1, 2, 3) if page.photometric == _RGB and values.shape[2] >= 3 else None,
        photograph=nodata is None and GEO_KEYS not in page.tags,
    )


def _colors_of(page: Any, values: NDArray[Any], path: Path) -> NDArray[Any]:
    """Undo what a TIFF does to its values before they are a picture's."""
    if page.photometric == _PALETTE and page.colormap is not None:
        colors = np.asarray(page.colormap)[:, values[..., 0]] >> 8
        return np.moveaxis(colors, 0, 2).astype(np.uint8)
    if page.photometric == _WHITE_IS_ZERO and values.dtype.kind == "u":
        return np.iinfo(values.dtype).max - values
    if page.photometric in _OTHER_COLORS:
        raise DataError(f"{path}: a TIFF in {page.photometric.name}; save it as RGB")
    return values


def _ome_plane(series: Any, path: Path, reading: Reading, plane: str | None) -> NDArray[Any]:
    """Read one plane of OME's first image: its channels become bands."""
    key = series.keyframe
    n_leading = len(series.axes) - len(key.axes)
    axes, lengths = series.axes[:n_leading].lower(), series.shape[:n_leading]
    if len(series.pages) != prod(lengths):
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
        page = series.pages[number]
        values = np.zeros(key.shape, key.dtype) if page is None else page.asarray()
        bands.append(_last_bands(values, key.axes, path))
    return np.concatenate(bands, axis=2)


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


def _over_white(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Lay bands over white by the last one, their opacity; where that is 0, there is no data."""
    bands, alpha = values[..., :-1], values[..., -1:]
    valid = alpha[..., 0] != 0
    most = 1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
    if ((alpha == 0) | (alpha == most)).all():
        return bands, valid
    over = np.empty_like(bands)
    for rows in strips(len(bands), 8 * prod(values.shape[1:])):
        opacity = alpha[rows].astype(np.float64) / most
        laid = bands[rows] * opacity + most * (1 - opacity)
        over[rows] = laid if values.dtype.kind == "f" else np.rint(laid)
    return over, valid


def _is_mask(page: Any) -> bool:
    return bool(getattr(page, "is_mask", False))


def _number(text: Any) -> float | None:
    """Return GDAL's nodata value; None where it is no number."""
    try:
        return float(str(text).strip("\0 "))
    except ValueError:
        return None
