"""Small files that state to be huge: refused before anything of that size is allocated."""

import gzip
import io
import json
import struct
import zlib
from pathlib import Path

import numcodecs
import numpy as np
import pytest
import tifffile
import zarr
from PIL import ExifTags, Image, ImageOps

from spam_pipe.pipeline.datasets.guards import limits
from spam_pipe.pipeline.datasets.guards.packed_chunks import HARMLESS, check_chunk
from spam_pipe.pipeline.datasets.images import strips
from spam_pipe.pipeline.datasets.images.bands import Reading
from spam_pipe.pipeline.datasets.images.image_file import ImageFile, read_picture
from spam_pipe.pipeline.datasets.images.ome_zarr import read_ome_zarr
from spam_pipe.pipeline.datasets.images.strips import array_of, strips_of
from spam_pipe.pipeline.datasets.user_files.label_file import LabelFile
from spam_pipe.pipeline.errors import DataError

SIDE = 14_000


def png_of_zeros(path: Path, color: int, pixel_bytes: int, depth: int = 8) -> None:
    pack = zlib.compressobj(9)
    row = bytes(1 + SIDE * pixel_bytes)
    data = b"".join(pack.compress(row) for _ in range(SIDE)) + pack.flush()
    header = struct.pack(">IIBBBBB", SIDE, SIDE, depth, color, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(each)) + kind + each + struct.pack(">I", zlib.crc32(kind + each))
            for kind, each in chunks
        )
    )


@pytest.mark.parametrize(("color", "pixel_bytes"), [(2, 3), (6, 4), (4, 2)])
def test_a_png_of_one_colour(tmp_path, color, pixel_bytes):
    png_of_zeros(tmp_path / "a.png", color, pixel_bytes)
    with pytest.raises(DataError, match=r"a\.png.*as harmful files do.*without compression"):
        ImageFile(tmp_path / "a.png").read()


def test_a_webp_of_34_bytes(tmp_path):
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, "WEBP", lossless=True)
    webp = bytearray(content.getvalue())
    place = webp.index(b"VP8L") + 9  # two sides of 14 bits, less one
    bits = struct.unpack_from("<I", webp, place)[0] & ~0xFFFFFFF
    struct.pack_into("<I", webp, place, bits | (SIDE - 1) | (SIDE - 1) << 14)
    (tmp_path / "a.webp").write_bytes(webp)
    with pytest.raises(DataError, match="as harmful files do"):
        ImageFile(tmp_path / "a.webp").read()


@pytest.mark.parametrize("tags", [[], [(42113, "s", 0, "-9", True)]])  # read by Pillow, by tifffile
def test_a_tiff_of_one_colour(tmp_path, tags):
    form = {"photometric": "rgb", "compression": "zlib", "extratags": tags}
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((10_900, 10_900, 3), np.uint8), **form)
    with pytest.raises(DataError, match="as harmful files do"):
        ImageFile(tmp_path / "a.tif").read()


def test_a_large_map_of_one_label_is_believed(tmp_path):
    """One byte a pixel: a mask of 200 megapixels may well be all of one value."""
    path = tmp_path / "a.png"
    png_of_zeros(path, 0, 1)
    with limits.pillow_limit(limits.MAX_PIXELS), Image.open(path) as picture:
        limits.check_picture(path, picture, limits.MAX_PIXELS, 4)


def test_what_is_as_large_as_it_says_is_believed(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(4_000_000))
    limits.check_packing(path, 300 * 4_000_000, 2**31)
    with pytest.raises(DataError, match="4,000,000 bytes that state to hold 1,200 megabytes"):
        limits.check_packing(path, 300 * 4_000_000 + 1, 2**31)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "L", "P", "1", "CMYK", "I;16", "F"])
def test_strips_are_what_the_whole_is(mode, monkeypatch):
    monkeypatch.setattr(strips, "_BYTES", 200)
    values = np.random.default_rng(0).integers(0, 255, (31, 23, 3), np.uint8)
    deep = Image.fromarray(values[..., 0].astype(np.uint16) << 7)
    picture = deep if mode == "I;16" else Image.fromarray(values).convert(mode)
    assert len(list(strips_of(picture))) > 5
    np.testing.assert_array_equal(array_of(picture), np.asarray(picture))


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_camera_s_rotations(tmp_path, turn, monkeypatch):
    monkeypatch.setattr(strips, "_BYTES", 200)
    values = np.random.default_rng(turn).integers(0, 255, (31, 23, 3), np.uint8)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    for picture in (
        Image.fromarray(values),
        Image.fromarray(values[..., 0].astype(np.uint16) << 8),
    ):
        picture.save(tmp_path / "a.png", exif=exif)
        with Image.open(tmp_path / "a.png") as stored:
            expected = np.asarray(ImageOps.exif_transpose(stored))
        if expected.ndim == 2:
            expected = np.repeat((expected >> 8).astype(np.uint8)[..., None], 3, axis=2)
        np.testing.assert_array_equal(read_picture(tmp_path / "a.png").pixels, expected)


def zstd_without_size(n_bytes: int) -> bytes:
    blocks = -(-n_bytes // 2**17)
    frame = b"\x28\xb5\x2f\xfd\x00\x58"
    for index in range(blocks):
        header = (index == blocks - 1) | 1 << 1 | 2**17 << 3
        frame += header.to_bytes(3, "little") + b"\x00"
    return frame


BOMB = 3 * HARMLESS


@pytest.mark.parametrize(
    ("codec", "packed"),
    [
        ("zstd", lambda: numcodecs.zstd.compress(bytes(BOMB), 1)),
        ("zstd", lambda: zstd_without_size(BOMB)),
        ("gzip", lambda: gzip.compress(bytes(BOMB), 1)),
        ("gzip", lambda: gzip.compress(bytes(HARMLESS), 1) * 3),
        ("zlib", lambda: zlib.compress(bytes(BOMB), 1)),
        ("bz2", lambda: numcodecs.BZ2(1).encode(bytes(BOMB))),
        ("lzma", lambda: numcodecs.LZMA(preset=0).encode(bytes(BOMB))),
        ("lz4", lambda: numcodecs.LZ4().encode(bytes(BOMB))),
        ("blosc", lambda: numcodecs.Blosc("zstd").encode(bytes(BOMB))),
    ],
)
def test_a_chunk_that_unpacks_to_more_than_it_may(codec, packed):
    content = bytes(packed())
    check_chunk(codec, content, BOMB + 2**17)
    with pytest.raises(ValueError, match="unpacks to more"):
        check_chunk(codec, content, 100)


def ome_zarr(folder: Path, **options: object) -> Path:
    group = zarr.open_group(str(folder), mode="w")
    array = group.create_array("0", dtype="u1", **options)
    array[..., :8, :8] = 3
    image = {"axes": [{"name": "y"}, {"name": "x"}], "datasets": [{"path": "0"}]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
    return folder


def test_an_ome_zarr_without_chunks(tmp_path):
    folder = ome_zarr(tmp_path / "a.zarr", shape=(SIDE, SIDE), chunks=(1000, 1000))
    metadata = folder / "0" / "zarr.json"
    stated = json.loads(metadata.read_text())
    stated |= {"data_type": "float64", "fill_value": 0.0}
    metadata.write_text(json.dumps(stated))
    with pytest.raises(DataError, match="as harmful files do"):
        read_ome_zarr(folder, Reading(), None)


@pytest.mark.parametrize("options", [{}, {"shards": (32, 32)}])
def test_a_chunk_of_an_ome_zarr_that_is_a_bomb(tmp_path, options):
    folder = ome_zarr(tmp_path / "a.zarr", shape=(32, 32), chunks=(16, 16), **options)
    assert read_ome_zarr(folder, Reading(), None).values[0, 0, 0] == 3
    chunk = folder / "0" / "c" / "0" / "0"
    bomb = numcodecs.zstd.compress(bytes(BOMB), 1)
    if options:
        index = struct.pack("<8Q", 0, len(bomb), *[2**64 - 1] * 6)
        checksum = numcodecs.CRC32C().encode(np.frombuffer(index, np.uint8))
        bomb += bytes(checksum) if len(checksum) == len(index) + 4 else b""
    chunk.write_bytes(bomb)
    with pytest.raises(DataError, match="unpacks to more than it may"):
        read_ome_zarr(folder, Reading(), None)


def test_a_shard_without_its_index(tmp_path):
    folder = ome_zarr(tmp_path / "a.zarr", shape=(32, 32), chunks=(16, 16), shards=(32, 32))
    (folder / "0" / "c" / "0" / "0").write_bytes(b"short")
    with pytest.raises(DataError, match="a shard is truncated"):
        read_ome_zarr(folder, Reading(), None)


def test_more_annotators_than_there_can_be(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((101, 2, 2), np.uint8))
    with pytest.raises(DataError, match="101 label maps"):
        LabelFile(tmp_path / "a.npy").read()


def test_a_deflated_dicom(tmp_path):
    pytest.importorskip("pydicom", reason="reads DICOM")
    from tests.fuzz.seeds.stacks import dicoms

    path = tmp_path / "a.dcm"
    path.write_bytes(dicoms()[0])
    assert ImageFile(path).read().shape == (9, 7, 3)
    path.write_bytes(dicoms()[-1])
    with pytest.raises(DataError, match="is a deflated DICOM file"):
        ImageFile(path).read()
