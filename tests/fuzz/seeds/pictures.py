"""Small pictures of every kind."""

import io
from functools import cache
from typing import Any

import numpy as np

LABELS = np.zeros((9, 7), np.uint16)
LABELS[1:5, 1:6] = 300
LABELS[5:, 3:] = 7


@cache
def photograph() -> Any:
    """Return (24, 20, 3) uint8: a piece of a photograph."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[100:124, 200:220])


def _pictures(form: str, *modes: str, **options: Any) -> list[bytes]:
    from PIL import Image

    contents = []
    for mode in modes:
        content = io.BytesIO()
        picture = Image.fromarray(photograph())
        picture = Image.fromarray(LABELS) if mode == "I;16" else picture.convert(mode)
        picture.save(content, form, **options)
        contents.append(content.getvalue())
    return contents


def pngs() -> list[bytes]:
    """Return PNGs of all modes."""
    return _pictures("PNG", "RGB", "L", "P", "1", "RGBA", "LA", "I;16", dpi=(72, 72))


def jpegs() -> list[bytes]:
    """Return JPEGs, also with EXIF, progressive and CMYK."""
    from PIL import Image

    exif = Image.Exif()
    exif[274] = 6
    return _pictures("JPEG", "RGB", "L", exif=exif) + _pictures(
        "JPEG", "RGB", "CMYK", progressive=True
    )


def other_images() -> list[bytes]:
    """Return BMP, GIF, WebP, PPM and PGM."""
    return [
        *_pictures("BMP", "RGB", "P", "1"),
        *_pictures("GIF", "P", "L"),
        *_pictures("WEBP", "RGB", "RGBA"),
        *_pictures("PPM", "RGB", "L", "1"),
    ]


def tiffs() -> list[bytes]:
    """Return TIFFs of several layouts."""
    import tifffile

    stack = np.stack([LABELS == 7, LABELS == 300]).astype(np.uint8)
    deep = photograph().astype(np.uint16) << 7
    kinds: list[tuple[Any, dict[str, Any]]] = [
        (photograph(), {"photometric": "rgb"}),
        (photograph(), {"photometric": "rgb", "compression": "zlib"}),
        (photograph(), {"photometric": "rgb", "tile": (16, 16)}),
        (np.moveaxis(deep, 2, 0), {"photometric": "rgb", "planarconfig": "separate"}),
        (photograph() / np.float32(255), {"photometric": "rgb"}),
        (LABELS, {"photometric": "minisblack"}),
        (LABELS.astype(np.uint32), {"photometric": "minisblack", "compression": "zlib"}),
        (stack, {"photometric": "minisblack"}),
        (LABELS, {"photometric": "minisblack", "bigtiff": True}),
    ]
    contents = []
    for array, options in kinds:
        content = io.BytesIO()
        tifffile.imwrite(content, array, metadata=None, **options)
        contents.append(content.getvalue())
    return contents + _pictures("TIFF", "RGB", "P", "1", "CMYK", compression="tiff_lzw")
