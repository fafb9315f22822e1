"""The unpacked size of a TIFF's strips and tiles, found before tifffile unpacks them.

Without imagecodecs tifffile unpacks a segment to whatever is in it, a thousand times its size
where somebody means harm, and only then compares that with what the header states.
"""

import logging
import lzma
import zlib
from math import prod
from pathlib import Path
from typing import Any

from spam_pipe.pipeline.errors import DataError

# A file's fault is reported once, by the error that reading ends in.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

_DEFLATE, _LZMA = (8, 32946), 34925  # values of the tag Compression
_MOST_TIMES = {_LZMA: 7100} | dict.fromkeys(_DEFLATE, 1032)
"""The most times their size that segments can unpack to."""

_HARMLESS = 2**28
"""Bytes that any segment may unpack to, even if the header states more."""


def check_segments(page: Any, path: Path) -> None:
    """Refuse a page (of tifffile) whose segments are larger than the file or than it states.

    Raises
    ------
    DataError
        Naming the file.
    """
    if page.dtype is None:
        return
    stated = prod(page.chunks) * page.dtype.itemsize
    if stated > max(_HARMLESS, 2 * page.nbytes):
        raise DataError(f"{path}: has tiles larger than itself; save it again")
    if max(page.databytecounts, default=0) > page.parent.filehandle.size:
        raise DataError(f"{path}: has parts larger than the file; get or save it again")
    times = _MOST_TIMES.get(int(page.compression))
    if times is None:
        return
    most = max(_HARMLESS, stated)
    file = page.parent.filehandle
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if count * times <= most:
            continue
        file.seek(offset)
        packed = file.read(count)
        unpack = lzma.LZMADecompressor() if page.compression == _LZMA else zlib.decompressobj()
        if len(unpack.decompress(packed, most + 1)) > most:
            raise DataError(f"{path}: unpacks to more than it says; save it again")
