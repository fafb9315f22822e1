"""The kind of an image file: by its first bytes, or else by its name."""

import re
from pathlib import Path
from typing import Final

TIFF: Final = "tiff"
DICOM: Final = "dicom"
ZARR: Final = "zarr"
ENVI: Final = "envi"
MAT: Final = "mat"
PICTURE: Final = "picture"

_OPAQUE = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".ppm", ".pgm", ".pbm"))
"""Suffixes of formats without transparency or nodata."""

PHOTOGRAPH_SUFFIXES = _OPAQUE | {".pnm", ".png", ".apng", ".tif", ".tiff", ".gif", ".webp"}
"""Suffixes, in lower case, of files that Pillow or tifffile read."""

DICOM_SUFFIXES = frozenset((".dcm", ".dicom", ".ima"))

IMAGE_SUFFIXES = PHOTOGRAPH_SUFFIXES | DICOM_SUFFIXES | {".zarr"}
"""Suffixes, in lower case, of the images of a folder."""

_TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM")
_DICM_AT = 128

_ENVI_SUFFIX, _ENVI = ".hdr", b"ENVI"
MAT_SUFFIX = ".mat"
"""Suffix of matrices; in a folder they are more often ground truth than images."""

_NO_SUFFIX = re.compile(r"|\.\d+")
"""`Path.suffix` of a name without one; DICOM's names end in numbers (1.2.840.1)."""


def kind_of(path: Path) -> str:
    """Return the kind of a file; `PICTURE` for those that Pillow reads."""
    suffix = path.suffix.lower()
    if suffix in (".zarr", MAT_SUFFIX):
        return ZARR if suffix == ".zarr" else MAT
    head = _head(path)
    if suffix == _ENVI_SUFFIX and head.startswith(_ENVI):
        return ENVI
    if head[:4] in _TIFFS:
        return TIFF
    if suffix in DICOM_SUFFIXES or head[_DICM_AT:] == b"DICM":
        return DICOM
    if suffix in (".tif", ".tiff") and not head.startswith(_PICTURES):
        return TIFF
    return PICTURE


def is_envi_header(path: Path) -> bool:
    """Say whether a file is an ENVI header; other .hdr files are pictures or volumes."""
    return path.suffix.lower() == _ENVI_SUFFIX and kind_of(path) == ENVI


def may_be_image(path: Path) -> bool:
    """Say whether a file of a folder is taken for an image.

    Those with an image's suffix are; of those without any the first bytes say it.
    """
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES or is_envi_header(path):
        return True
    if _NO_SUFFIX.fullmatch(suffix) is None:
        return False
    head = _head(path)
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    known = head[:4] in _TIFFS or head.startswith(_PICTURES[:-1]) or webp
    return known or head[_DICM_AT:] == b"DICM"


def may_have_gaps(path: Path) -> bool:
    """Say whether files with this suffix can mark pixels without data."""
    return path.suffix.lower() not in _OPAQUE


def _head(path: Path) -> bytes:
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_DICM_AT + 4)
    except OSError:
        return b""
