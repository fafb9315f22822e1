"""Reading a store's arrays, which somebody may have changed since they were written."""

from math import ceil, prod
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import WrapperStore

from pipeline.packed_chunks import check_chunk

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, BufferPrototype
    from zarr.abc.store import ByteRequest, Store

_CODECS = ["bytes", "zstd", "crc32c"]
_LARGEST_CHUNK = 2**27
"""Twice what chunks are written with."""


class _Sized(WrapperStore["Store"]):
    """A store in which a missing chunk is an error, and one that unpacks to too much as well."""

    async def get(
        self,
        key: str,
        prototype: "BufferPrototype",
        byte_range: "ByteRequest | None" = None,
    ) -> "Buffer | None":
        content = await super().get(key, prototype, byte_range)
        if not key.endswith(".json"):
            if content is None:
                raise ValueError(f"{key} is missing")
            check_chunk("zstd", content.to_bytes(), _LARGEST_CHUNK)
        return content


def read_array(
    store: "Store", path: str, n_chunks: int, stated: tuple[np.dtype[Any], tuple[int, ...]] | None
) -> NDArray[Any]:
    """Read an array; nothing of its size is allocated before what it states is known to be there.

    Parameters
    ----------
    store, path
        Where it lies.
    n_chunks
        How many chunks its record lists; 0 where it lists none.
    stated
        Its dtype and shape as its record has them; None where it has not.

    Raises
    ------
    ValueError
        When it is not what the record says, or not as this pipeline writes arrays.
    """
    array = zarr.open_array(_Sized(store), path=path, mode="r", zarr_format=3)
    if stated is not None and (array.dtype, array.shape) != stated:
        dtype, shape = stated
        raise ValueError(f"{array.dtype} {array.shape} instead of {dtype} {shape}")
    metadata: Any = array.metadata
    codecs = [codec.to_dict()["name"] for codec in metadata.codecs]
    if codecs != _CODECS or array.dtype.kind not in "buif":
        raise ValueError(f"{array.dtype} packed by {' '.join(map(str, codecs))}")
    if prod(array.chunks) * array.dtype.itemsize > _LARGEST_CHUNK:
        raise ValueError(f"chunks of {array.chunks}")
    edges = zip(array.shape, array.chunks, strict=True)
    if n_chunks and prod(ceil(length / edge) for length, edge in edges) != n_chunks:
        raise ValueError(f"an array of {array.shape} in {n_chunks} chunks of {array.chunks}")
    return np.asarray(array[...])
