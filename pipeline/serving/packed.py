"""Arrays on their way to the browser: one binary format (see FORMATS.md beside this file)."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"SPX1"
MEDIA_TYPE = "application/x-spam-pipe"

_KINDS = ("uint8", "uint16", "uint32", "int32", "float32")
_LEVEL = 1
"""Of compression: label maps filtered by rows are mostly zeros, which even the fastest finds."""

_LARGEST_HEADER = 1 << 20


def pack(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any] | None = None) -> bytes:
    """Return arrays and facts as one message.

    Parameters
    ----------
    arrays
        By name: uint8, uint16, uint32, int32 or float32, of any shape. Two-dimensional integers
        are filtered: each row less the one above, modulo the type's range.
    facts
        JSON-serialisable values that travel in the header.

    Raises
    ------
    ValueError
        When an array is of another type.
    """
    described, bodies, offset = [], [], 0
    for name, array in arrays.items():
        kind = array.dtype.name
        if kind not in _KINDS:
            raise ValueError(f"{name}: arrays of {kind} do not travel, only {', '.join(_KINDS)}")
        filtered = array.ndim == 2 and array.dtype.kind == "u"
        body = zlib.compress(_differences(array) if filtered else _bytes(array), _LEVEL)
        described.append(
            {
                "name": name,
                "dtype": kind,
                "shape": list(array.shape),
                "filter": "up" if filtered else "none",
                "offset": offset,
                "length": len(body),
            }
        )
        bodies.append(body)
        offset += len(body)
    header = json.dumps({"arrays": described, "facts": facts or {}}, allow_nan=False).encode()
    return b"".join([MAGIC, len(header).to_bytes(4, "little"), header, *bodies])


def unpack(content: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the facts of a message that `pack` made.

    Raises
    ------
    ValueError
        When it is none.
    """
    if content[:4] != MAGIC:
        raise ValueError("not a message of packed arrays: it begins otherwise")
    length = int.from_bytes(content[4:8], "little")
    if length > _LARGEST_HEADER or len(content) < 8 + length:
        raise ValueError("a message of packed arrays was cut short")
    header = json.loads(content[8 : 8 + length])
    bodies, arrays = memoryview(content)[8 + length :], {}
    for each in header["arrays"]:
        body = zlib.decompress(bodies[each["offset"] : each["offset"] + each["length"]])
        kind = np.dtype(each["dtype"]).newbyteorder("<")
        array = np.frombuffer(body, kind).reshape(each["shape"]).astype(each["dtype"])
        if each["filter"] == "up":
            array = np.cumsum(array, axis=0, dtype=array.dtype)
        arrays[each["name"]] = array
    return arrays, header["facts"]


def _differences(array: NDArray[Any]) -> bytes:
    """Return each row less the one above, as little-endian bytes."""
    rows = array.copy()
    rows[1:] -= array[:-1]
    return _bytes(rows)


def _bytes(array: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
