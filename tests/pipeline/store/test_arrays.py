"""The files that we make of an array are those that zarr makes of it."""

import json
from typing import Any

import numpy as np
import pytest
import zarr
from google_crc32c import value
from numcodecs.zstd import Zstd
from numpy.typing import NDArray
from zarr.abc.buffer import Buffer
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.storage import MemoryStore

from spam_pipe.pipeline.store.arrays import array_files, array_json, read_array

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 400, (40, 60)).astype(np.uint16)
LARGE = np.zeros((4100, 4200), np.uint32)
LARGE[2000:, 3000:] = 7

ARRAYS = [
    LABELS,
    LABELS > 200,
    LABELS.astype(np.int8),
    LABELS.astype(">u4"),
    LABELS.astype(np.float16),
    RANDOM.normal(size=(3, 4, 5)).astype(np.float32),
    RANDOM.normal(size=7),
    np.zeros((5, 7), np.int64),  # nothing but what fills
    np.zeros((0, 3), np.int64),
    LABELS.T,
    LABELS[::2, ::3],
    LARGE,
    np.arange(17_000_000, dtype=np.uint32),
]


def files_by_zarr(array: NDArray[Any], chunks: tuple[int, ...], **options: Any) -> dict[str, bytes]:
    files: dict[str, Buffer] = {}
    codecs = options.pop("compressors", [ZstdCodec(level=1), Crc32cCodec()])
    zarr.create_array(
        MemoryStore(files),
        data=array,
        chunks=chunks,
        compressors=codecs,
        config={"write_empty_chunks": True},
        **options,
    )
    return {key: content.to_bytes() for key, content in files.items()}


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}-{array.shape}")
def test_they_are_the_same_to_the_byte(array: NDArray[Any]) -> None:
    files = array_files(array)
    grid = json.loads(files["zarr.json"])["chunk_grid"]
    assert files == files_by_zarr(array, tuple(grid["configuration"]["chunk_shape"]))


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}-{array.shape}")
def test_they_are_read_back(array: NDArray[Any]) -> None:
    found = read_array(array_files(array), array.shape, array.dtype)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("<")


def test_what_zarr_has_no_name_for_is_refused() -> None:
    with pytest.raises(ValueError, match="can't be stored"):
        array_json((2, 2), np.dtype("U3"))


def streamed(blocks: int) -> bytes:
    """Return a frame that does not say how much it unpacks to: 128 KiB for each four bytes."""
    repeated = [
        (131072 << 3 | 1 << 1 | (n == blocks - 1)).to_bytes(3, "little") for n in range(blocks)
    ]
    return bytes.fromhex("28b52ffd0058") + b"".join(each + b"7" for each in repeated)


FORGED = {
    "larger": bytes(Zstd(level=1).encode(np.zeros(10 * LABELS.nbytes, np.uint8))),
    "endless": streamed(100_000),
    "not zstd": b"abcdefgh",
}


@pytest.mark.parametrize("change", ["lost", "flipped", "empty", *FORGED])
def test_a_chunk_that_is_not_as_it_was_made_is_found(change: str) -> None:
    files: dict[str, bytes | None] = dict(array_files(LABELS))
    content = files["c/0/0"] or b""
    if change == "lost":
        del files["c/0/0"]
    elif change == "flipped":
        files["c/0/0"] = content[:20] + bytes([content[20] ^ 1]) + content[21:]
    elif change == "empty":
        files["c/0/0"] = b""
    else:
        files["c/0/0"] = FORGED[change] + value(FORGED[change]).to_bytes(4, "little")
    with pytest.raises((ValueError, RuntimeError)):
        read_array(files, LABELS.shape, LABELS.dtype)


def test_a_chunk_that_holds_less_leaves_zeros() -> None:
    files: dict[str, bytes | None] = dict(array_files(LABELS))
    less = bytes(Zstd(level=1).encode(np.full(10, 7, np.uint8)))
    files["c/0/0"] = less + value(less).to_bytes(4, "little")
    found = read_array(files, LABELS.shape, LABELS.dtype).view(np.uint8).ravel()
    np.testing.assert_array_equal(found, [7] * 10 + [0] * (LABELS.nbytes - 10))


def test_chunks_that_are_not_there_take_no_memory() -> None:
    with pytest.raises(ValueError, match="chunk c/0/0 is lost"):
        read_array({}, (10**9, 10**9), np.dtype(np.uint32))
