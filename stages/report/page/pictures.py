"""Images, boundaries and objects as small data URIs."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.stages.report.drawing import boundary_lines, distinct_colors

LONGEST = 560
"""The longer side of a picture on the page, in pixels; smaller images keep their size."""

PHOTO_QUALITY = 80
_LINE_COLORS = np.array([[0, 0, 0], [255, 255, 255], [0, 0, 255], [255, 0, 255]], np.uint8)
"""Plain, line, outside, line outside. Red marks lines; blue without green marks the outside."""

PALETTE = 255
"""Colours that an indexed PNG has left beside the one for uncertain pixels."""


def fitting_size(height: int, width: int) -> tuple[int, int]:
    """Return height and width brought to at most `LONGEST`, each at least 1."""
    scale = min(1.0, LONGEST / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def encode_photo(image: NDArray[np.uint8]) -> str:
    """Return the data URI of an (H, W, 3) uint8 sRGB image, shrunk to fit, as WebP."""
    height, width = fitting_size(*image.shape[:2])
    picture = Image.fromarray(image)
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=PHOTO_QUALITY, method=4)
    return _data_uri("image/webp", content)


def encode_lines(labels: NDArray[np.integer], start_label: int = 0) -> str:
    """Return the data URI of an (H, W) label map's boundaries.

    A 1-bit PNG of the size that fits; white where the right or lower neighbour has another label
    (`stages.report.drawing.boundary_lines`). From it a browser finds the regions again. Where
    some labels are below `start_label`, and so no superpixels, it is an indexed PNG: red on
    lines, blue without green outside of superpixels.
    """
    fitted = shrink_labels(labels)
    lines, outside = boundary_lines(fitted), fitted < start_label
    picture = Image.fromarray(lines)
    if outside.any():
        picture = Image.fromarray(lines + 2 * outside.astype(np.uint8))
        picture.putpalette(_LINE_COLORS.tobytes())
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return _data_uri("image/png", content)


def encode_objects(objects: NDArray[np.integer]) -> str:
    """Return the data URI of (H, W) objects 1..n, 0 = uncertain.

    An indexed PNG of the size that fits, each object in a colour, uncertain pixels black.
    """
    fitted = shrink_labels(objects)
    indices = np.where(fitted > 0, (fitted - 1) % PALETTE + 1, 0).astype(np.uint8)
    colors = np.vstack([np.zeros((1, 3), np.uint8), distinct_colors(int(indices.max()))])
    picture = Image.fromarray(indices)
    picture.putpalette(colors.tobytes())
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return _data_uri("image/png", content)


def shrink_labels(labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Bring (H, W) labels to the size that fits, taking for each pixel the one at its centre."""
    height, width = labels.shape
    new_height, new_width = fitting_size(height, width)
    rows = (2 * np.arange(new_height) + 1) * height // (2 * new_height)
    columns = (2 * np.arange(new_width) + 1) * width // (2 * new_width)
    shrunk: NDArray[np.int64] = labels[rows[:, np.newaxis], columns].astype(np.int64)
    return shrunk


def _data_uri(kind: str, content: io.BytesIO) -> str:
    return f"data:{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
