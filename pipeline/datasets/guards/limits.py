"""Limits of an image's size: a small file may claim to be a huge one (a decompression bomb)."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, prod
from pathlib import Path

from PIL import Image

from spam_pipe.pipeline.errors import DataError

MEGAPIXELS = 200.0
"""Megapixels that one image may have, if nothing is said."""

MAX_PIXELS = int(MEGAPIXELS * 1e6)

PILLOW_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "PPM")
"""Formats that Pillow may recognise in a file of any name; for others it starts programs (EPS)."""

MOST_BYTES = 32
"""Bytes that a pixel may have, all bands together, in an image as large as the limit allows."""

MOST_TIMES = 300
"""The most times its size that a large file may unpack to; photographs unpack to 5 to 50 times.

One colour alone unpacks to 1032 times its size as PNG or TIFF, to any as WebP.
"""

_BELIEVED = 2**30 - 2**25
"""Bytes that reading a file may take, however small it is: nearly a GiB."""

_HELD = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
"""Bytes in which Pillow holds a pixel; 4 in other modes."""

_DECODERS = {"WEBP": 12, "TIFF": 4}
"""Bytes of a pixel that decoders hold besides."""


def check_size(
    path: Path, height: int, width: int, max_pixels: int = MAX_PIXELS, pixel_bytes: int = 1
) -> None:
    """Refuse an image that its header says is too large, before anything is decoded.

    Parameters
    ----------
    path
        What the error names.
    height, width
        Size in pixels.
    max_pixels
        The limit.
    pixel_bytes
        Bytes of one pixel, all bands together.

    Raises
    ------
    DataError
        Naming the size, the limit and the option that raises it; also for an image of no pixel.
    """
    if min(height, width, pixel_bytes) < 1:
        raise DataError(f"{path}: is {width} × {height} pixels, there is nothing in it; remove it")
    needed = max(height * width, ceil(height * width * pixel_bytes / MOST_BYTES))
    if needed > max_pixels:
        bands = "" if needed == height * width else f" of {pixel_bytes} bytes each"
        raise DataError(
            f"{path}: has {height * width / 1e6:,.1f} megapixels{bands}, more than the limit of "
            f"{max_pixels / 1e6:g}; raise it with --max-megapixels {ceil(needed / 1e6)}, or scale "
            "it down or cut it into tiles"
        )


def check_shape(path: Path, shape: tuple[int, ...], max_pixels: int = MAX_PIXELS) -> None:
    """Refuse an array, such as a label map, that has more values than an image may have pixels."""
    size = prod(int(n) for n in shape)  # a damaged TIFF has tuples for lengths
    if size > max_pixels:
        raise DataError(
            f"{path}: an array of shape {shape} has more values than the limit of "
            f"{max_pixels / 1e6:g} megapixels; raise it with --max-megapixels "
            f"{ceil(size / 1e6)}"
        )


def check_packing(path: Path, unpacked: int, memory: int) -> None:
    """Refuse a file that is far too small for what it states, before anything is decoded.

    What takes less than a GiB is believed: a mask or an empty picture may pack well.

    Parameters
    ----------
    path
        The file; a folder for Zarr, which counts as all the files in it.
    unpacked
        Bytes that its samples take.
    memory
        Bytes that reading it takes.

    Raises
    ------
    DataError
        Naming both sizes and the cure.
    """
    if memory <= _BELIEVED:
        return
    stored = _stored_bytes(path)
    if unpacked > MOST_TIMES * stored:
        raise DataError(
            f"{path}: {stored:,} bytes that state to hold {unpacked / 1e6:,.0f} megabytes of "
            "pixels, as harmful files do; if they are meant, save it without compression"
        )


def _stored_bytes(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    files = (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    return sum(file.lstat().st_size for file in files)


def check_picture(path: Path, picture: Image.Image, max_pixels: int, result_bytes: int) -> None:
    """Refuse a picture that Pillow has opened, but not decoded, for its size or its packing.

    Parameters
    ----------
    path
        What the error names.
    picture
        The picture.
    max_pixels
        The limit.
    result_bytes
        Bytes that a pixel takes in what is made of it.

    Raises
    ------
    DataError
        As `check_size` and `check_packing` say.
    """
    check_size(path, picture.height, picture.width, max_pixels)
    held = _HELD.get(picture.mode, 4)
    decoder = _DECODERS.get(picture.format or "", 0) + 6 * bool(picture.info.get("progressive"))
    n_pixels = picture.height * picture.width
    check_packing(path, n_pixels * held, n_pixels * (held + decoder + result_bytes))


@contextmanager
def pillow_limit(max_pixels: int) -> Iterator[None]:
    """Let Pillow open what our own limit allows, and no more: its own is kept in step.

    Pillow's limit is a variable of its module: threads that read with different limits would
    see each other's. This program reads with one limit and one thread per process.
    """
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max(1, max_pixels // 2)  # it warns here and raises at the double
    try:
        with warnings.catch_warnings():
            # Between the warning and the error lie large photographs, which are welcome.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
