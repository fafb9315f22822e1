"""How large an image may be: a small file may claim to be a huge one (a decompression bomb)."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, prod
from pathlib import Path

from PIL import Image

from pipeline.errors import DataError

MEGAPIXELS = 200.0
"""Megapixels that one image may have, if nothing is said."""

MAX_PIXELS = int(MEGAPIXELS * 1e6)

PILLOW_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "PPM")
"""What Pillow may take a file for, whatever it is called: for others it starts programs (EPS)."""

MOST_BYTES = 32
"""Bytes that a pixel may have, all bands together, in an image as large as the limit allows."""


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


@contextmanager
def pillow_limit(max_pixels: int) -> Iterator[None]:
    """Let Pillow open what our own limit allows, and no more: its own is kept in step.

    Pillow's limit is a variable of its module: threads that read with different limits would
    see one another's. A process of ours reads with one limit and one thread.
    """
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max(1, max_pixels // 2)  # it warns here and raises at the double
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
