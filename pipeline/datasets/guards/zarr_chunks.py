"""The chunks of a foreign Zarr array, checked before they are unpacked."""

import struct
from collections.abc import Iterator, Sequence
from itertools import product
from math import ceil, prod
from pathlib import Path
from typing import Any

from spam_pipe.pipeline.datasets.guards.packed_chunks import check_chunk

_LARGEST_CHUNK = 2**29  # bytes

_COMPRESSIONS = frozenset(("blosc", "zlib", "gzip", "bz2", "lzma", "zstd", "lz4"))

_FILTERS = frozenset(
    (
        *("shuffle", "delta", "fixedscaleoffset", "quantize", "bitround", "astype", "packbits"),
        *("crc32", "crc32c", "adler32", "fletcher32", "jenkins_lookup3"),
    )
)
"""Of Zarr 2, those that make as many numbers of numbers and do nothing else."""

_PLAIN = frozenset(("bytes", "transpose", "crc32c"))
_SHARDS = "sharding_indexed"
_NO_CHUNK = 2**64 - 1  # for offset and length, in a shard's index


def check_chunks(array: Any, folder: Path, chosen: Sequence[int | None]) -> None:
    """Refuse codecs that run code or make objects, and chunks that unpack to more than they may.

    Parameters
    ----------
    array
        The array, opened by zarr, of numbers or booleans.
    folder
        Where its metadata lie.
    chosen
        For each axis the index that will be read; None for all of it.

    Raises
    ------
    ValueError
        Saying what is wrong.
    """
    if array.dtype.kind not in "buif":
        raise ValueError(f"holds {array.dtype}")
    grid = array.shards or array.chunks
    if prod(grid) * array.dtype.itemsize > _LARGEST_CHUNK:
        raise ValueError(f"chunks of {grid}")
    most = prod(array.chunks) * array.dtype.itemsize
    compressions = _compressions(array.metadata)
    ranges = [
        range(ceil(length / edge)) if index is None else range(index // edge, index // edge + 1)
        for length, edge, index in zip(array.shape, grid, chosen, strict=True)
    ]
    for place in product(*ranges):
        file = folder / array.metadata.encode_chunk_key(place)
        if not file.is_file():
            continue
        content = file.read_bytes()
        for packed in _inner(content, array) if array.shards else [content]:
            for codec in compressions:
                check_chunk(codec, packed, most)


def _compressions(metadata: Any) -> list[str]:
    """Return the names of the compressions: one at most."""
    if metadata.zarr_format == 2:
        for codec in metadata.filters or ():
            if codec.codec_id not in _FILTERS:
                raise ValueError(f"the codec {codec.codec_id} is not allowed")
        names = [] if metadata.compressor is None else [metadata.compressor.codec_id]
    else:
        described = [codec.to_dict() for codec in metadata.codecs]
        if [codec["name"] for codec in described] == [_SHARDS]:
            settings = described[0]["configuration"]
            index = [codec["name"] for codec in settings["index_codecs"]]
            if index not in (["bytes"], ["bytes", "crc32c"]):
                raise ValueError("an index of shards that is packed")
            described = settings["codecs"]
        names = [codec["name"] for codec in described if codec["name"] not in _PLAIN]
    for name in names:
        if name not in _COMPRESSIONS:
            raise ValueError(f"the codec {name} is not allowed")
    if len(names) > 1:
        raise ValueError(f"is packed more than once, by {' and '.join(names)}")
    return names


def _inner(shard: bytes, array: Any) -> Iterator[bytes]:
    """Yield the packed chunks of a shard."""
    settings = array.metadata.codecs[0].to_dict()["configuration"]
    checksum = 4 * (len(settings["index_codecs"]) - 1)
    n_chunks = prod(
        ceil(shard_edge / edge) for shard_edge, edge in zip(array.shards, array.chunks, strict=True)
    )
    length = 16 * n_chunks
    at_start = str(settings.get("index_location", "end")).endswith("start")
    start = 0 if at_start else len(shard) - length - checksum
    if start < 0 or len(shard) < length + checksum:
        raise ValueError("a shard is truncated")
    big = settings["index_codecs"][0].get("configuration", {}).get("endian") == "big"
    numbers = struct.unpack_from(f"{'>' if big else '<'}{2 * n_chunks}Q", shard, start)
    for offset, size in zip(numbers[::2], numbers[1::2], strict=True):
        if offset != _NO_CHUNK:
            yield shard[offset : offset + size]
