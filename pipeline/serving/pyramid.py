"""Pictures for the browser: tiles of a pyramid, and thumbnails."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TILE = 512
"""Pixels of a tile's edge."""

THUMBNAIL = 192
"""The longer side of a thumbnail, in pixels."""

_QUALITY = 88


def n_levels(height: int, width: int) -> int:
    """Return how many levels a pyramid has: the last one is a single tile."""
    levels = 1
    while max(height, width) > TILE << (levels - 1):
        levels += 1
    return levels


def n_tiles(height: int, width: int, level: int) -> tuple[int, int]:
    """Return how many rows and columns of tiles a level has."""
    edge = TILE << level
    return -(-height // edge), -(-width // edge)


def encode_tile(
    image: NDArray[np.uint8], level: int, row: int, column: int
) -> tuple[bytes, str] | None:
    """Return a tile and its media type; None where there is no such tile.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    level
        0 shows each pixel, without loss; each further level halves the sides.
    row, column
        Of the tile.
    """
    height, width = image.shape[:2]
    if not 0 <= level < n_levels(height, width):
        return None
    rows, columns = n_tiles(height, width, level)
    if not (0 <= row < rows and 0 <= column < columns):
        return None
    edge = TILE << level
    part = image[row * edge : (row + 1) * edge, column * edge : (column + 1) * edge]
    picture = Image.fromarray(np.ascontiguousarray(part))
    content = io.BytesIO()
    if level == 0:
        picture.save(content, "PNG", compress_level=1)
        return content.getvalue(), "image/png"
    picture.reduce(1 << level).save(content, "JPEG", quality=_QUALITY, subsampling=0)
    return content.getvalue(), "image/jpeg"


def encode_thumbnail(image: NDArray[np.uint8]) -> bytes:
    """Return a small JPEG of an (H, W, 3) uint8 sRGB image."""
    picture = Image.fromarray(image)
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR, reducing_gap=2)
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=82)
    return content.getvalue()
