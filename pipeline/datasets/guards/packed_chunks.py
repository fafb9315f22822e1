"""The unpacked size of a packed Zarr chunk, found before it is unpacked.

Decoders make as much as the chunk says or holds, thousands of times its size where somebody means
harm, and only then compare that with what the array's metadata say.
"""

import bz2
import lzma
import zlib
from typing import Any

from spam_pipe.pipeline.errors import one_line

HARMLESS = 2**26
"""Bytes that any chunk may unpack to."""

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_BLOCK = 2**17
_ZSTD_RAW, _ZSTD_RUN = 0, 1


def check_chunk(codec: str, packed: bytes, most: int) -> None:
    """Refuse a chunk that unpacks to more than it may.

    Parameters
    ----------
    codec
        Name of the compression, as Zarr has it: zstd, blosc, gzip, zlib, bz2, lzma or lz4.
    packed
        The chunk's bytes.
    most
        Bytes that its values take.

    Raises
    ------
    ValueError
        When it unpacks to more than that and is not harmless.
    """
    most = max(most, HARMLESS)
    match codec:
        case "blosc":
            size = int.from_bytes(packed[4:8], "little")
        case "lz4":
            size = int.from_bytes(packed[:4], "little")
        case "zstd":
            size = _zstd_size(packed)
        case "gzip" | "zlib" | "bz2" | "lzma":
            size = _streamed_size(codec, packed, most)
        case _:
            raise ValueError(f"the codec {one_line(codec)} is not allowed")
    if size > most:
        raise ValueError("a chunk unpacks to more than it may")


def _streamed_size(codec: str, packed: bytes, most: int) -> int:
    """Return how much is unpacked, or a number above `most` where it is more than that."""
    times = {"gzip": 1032, "zlib": 1032, "lzma": 7100}.get(codec)
    if times is not None and len(packed) * times <= most:
        return len(packed) * times
    size = 0
    while packed:
        stream: Any
        if codec == "bz2":
            stream = bz2.BZ2Decompressor()
        elif codec == "lzma":
            stream = lzma.LZMADecompressor()
        else:
            stream = zlib.decompressobj(wbits=47)  # of zlib or gzip
        size += len(stream.decompress(packed, most + 1 - size))
        if size > most or not stream.eof:
            break
        packed = stream.unused_data  # a gzip may have several members
    return size


def _zstd_size(packed: bytes) -> int:
    """Return what the first frame says, or else the most that its blocks may hold (RFC 8878)."""
    if packed[:4] != _ZSTD_MAGIC or len(packed) < 6:
        raise ValueError("a chunk is no frame of zstd")
    described = packed[4]
    single, kind = described >> 5 & 1, described >> 6
    position = 5 + (not single) + (0, 1, 2, 4)[described & 3]
    if kind or single:
        length = 1 << kind
        size = int.from_bytes(packed[position : position + length], "little")
        return size + 256 if kind == 1 else size
    size, last = 0, False
    while not last:
        header = int.from_bytes(packed[position : position + 3], "little")
        last, block, length = bool(header & 1), header >> 1 & 3, header >> 3
        size += length if block in (_ZSTD_RAW, _ZSTD_RUN) else _ZSTD_BLOCK
        position += 3 + (1 if block == _ZSTD_RUN else length)
        if position > len(packed):
            raise ValueError("a chunk is truncated")
    checksum = 4 * (described >> 2 & 1)
    if packed[position + checksum :]:
        raise ValueError("a chunk has more than one frame of zstd")
    return size
