"""The files that a Zarr v3 array consists of, made and read in memory.

They equal, to the byte, the files of the zarr library for the same array and codecs. It takes
milliseconds and an event loop's thread for each array of a few kilobytes, and asks an object store
several times whether something is there already; these functions take neither.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LARGEST_CHUNK = 64 * 2**20
"""Bytes up to which an array is one chunk."""

_CHUNK_ELEMENTS = 2**20
"""The chunk of a larger array: 1024 × 1024 labels are four megabytes at most."""

_LEVEL = 1
"""Of zstd: label maps gain little by a higher one."""

Shape = tuple[int, ...]


def array_files(array: NDArray[Any]) -> dict[str, bytes]:
    """Return the files of an array by their key below it: ``zarr.json`` and its chunks.

    Every chunk is there, be it all zeros, and ends with its CRC-32C.

    Parameters
    ----------
    array
        Booleans, integers or floats, of at least one dimension.
    """
    from google_crc32c import value
    from numcodecs.zstd import Zstd

    chunk_shape = _chunk_shape(array.shape, array.dtype)
    compress = Zstd(level=_LEVEL).encode
    files = {"zarr.json": array_json(array.shape, array.dtype)}
    for key, inside in _chunks(array.shape, chunk_shape):
        part = array[inside]
        if part.shape != chunk_shape:  # the last ones are as large as all others
            part = np.pad(part, [(0, c - p) for c, p in zip(chunk_shape, part.shape, strict=True)])
        compressed = bytes(compress(np.ascontiguousarray(part, array.dtype.newbyteorder("<"))))
        files[key] = compressed + value(compressed).to_bytes(4, "little")
    return files


def read_array(
    files: Mapping[str, bytes | None], shape: Shape, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return the array that files made by `array_files` hold.

    Parameters
    ----------
    files
        Their contents by key; None where one is not there. The metadata are `array_json`'s.
    shape, dtype
        The array's shape and type.

    Raises
    ------
    ValueError, RuntimeError
        When a chunk is lost, changed, or unpacks to more than it must hold. One that was forged
        to hold less leaves zeros, which the checksum of the whole finds.
    """
    from google_crc32c import value
    from numcodecs.zstd import Zstd

    chunk_shape = _chunk_shape(shape, dtype)
    for key, _ in _chunks(shape, chunk_shape):
        if files.get(key) is None:  # before memory for all of them is taken
            raise ValueError(f"chunk {key} is lost")
    decompress = Zstd(level=_LEVEL).decode
    array = np.zeros(shape, dtype.newbyteorder("<"))
    for key, inside in _chunks(shape, chunk_shape):
        content = files[key] or b""
        compressed, seal = content[:-4], content[-4:]
        if value(compressed).to_bytes(4, "little") != seal:
            raise ValueError(f"chunk {key}: checksum differs")
        # Into memory of the expected size: a damaged chunk may state another.
        part = array if chunk_shape == shape else np.zeros(chunk_shape, array.dtype)
        decompress(compressed, out=part)
        if part is not array:
            array[inside] = part[tuple(slice(each.stop - each.start) for each in inside)]
    return array


@lru_cache(maxsize=256)
def array_json(shape: Shape, dtype: np.dtype[Any]) -> bytes:
    """Return the metadata of an array."""
    if dtype.kind not in "biuf":
        raise ValueError(f"an array of {dtype} can't be stored")
    order: dict[str, Any] = {"name": "bytes"}
    if dtype.itemsize > 1:
        order["configuration"] = {"endian": "little"}
    chunk_shape = _chunk_shape(shape, dtype)
    node = {
        "shape": shape,
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk_shape}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": dtype.type(0).item(),
        "codecs": [
            order,
            {"name": "zstd", "configuration": {"level": _LEVEL, "checksum": False}},
            {"name": "crc32c"},
        ],
        "attributes": {},
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }
    return json.dumps(node, indent=2).encode()


def _chunk_shape(shape: Shape, dtype: np.dtype[Any]) -> Shape:
    whole = prod(shape) * dtype.itemsize <= _LARGEST_CHUNK
    edge = round(_CHUNK_ELEMENTS ** (1 / max(1, len(shape))))
    return tuple(max(1, length if whole else min(length, edge)) for length in shape)


def _chunks(shape: Shape, chunk_shape: Shape) -> Iterator[tuple[str, tuple[slice, ...]]]:
    """Yield the key of each chunk and its part of the array."""
    counts = [-(-length // edge) for length, edge in zip(shape, chunk_shape, strict=True)]
    for numbers in product(*map(range, counts)):
        inside = tuple(
            slice(number * edge, min((number + 1) * edge, length))
            for number, edge, length in zip(numbers, chunk_shape, shape, strict=True)
        )
        yield "/".join(("c", *map(str, numbers))), inside
