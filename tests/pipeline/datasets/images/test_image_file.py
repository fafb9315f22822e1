"""Every kind of image file reads as a person would expect, or fails in one line."""

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from spam_pipe.pipeline.datasets.images.image_file import ImageFile, read_image
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import FileSource

COLORS = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[0, 0, 0], [255, 255, 255], [200, 100, 50]]],
    dtype=np.uint8,
)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def png_chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data).to_bytes(4, "big")
    return len(data).to_bytes(4, "big") + kind + data + checksum


def save_16_bit(path: Path, samples: np.ndarray) -> Path:
    """Write (H, W) or (H, W, 3) uint16, which Pillow cannot in colour, per the formats' texts."""
    big_endian = samples.astype(">u2")
    height, width = samples.shape[:2]
    match path.suffix:
        case ".png":
            color_type = 2 if samples.ndim == 3 else 0
            header = width.to_bytes(4, "big") + height.to_bytes(4, "big")
            rows = b"".join(b"\0" + row.tobytes() for row in big_endian)  # 0: no filter
            path.write_bytes(
                b"\x89PNG\r\n\x1a\n"
                + png_chunk(b"IHDR", header + bytes([16, color_type, 0, 0, 0]))
                + png_chunk(b"IDAT", zlib.compress(rows))
                + png_chunk(b"IEND", b"")
            )
        case ".pgm":
            path.write_bytes(f"P5 {width} {height} 65535\n".encode() + big_endian.tobytes())
        case _:
            tifffile.imwrite(path, samples, photometric="rgb" if samples.ndim == 3 else None)
    return path


def assert_reads(path: Path, expected: np.ndarray) -> None:
    image = read_image(path)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".ppm", ".webp"])
def test_rgb(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == ".webp" else {}
    assert_reads(save(tmp_path / f"a{suffix}", Image.fromarray(COLORS), **options), COLORS)


def test_greyscale_becomes_three_equal_channels(tmp_path: Path) -> None:
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3) * 50
    expected = np.dstack([grey] * 3)
    assert_reads(save(tmp_path / "a.png", Image.fromarray(grey)), expected)


def test_black_and_white(tmp_path: Path) -> None:
    bits = np.array([[True, False, True]])
    expected = np.dstack([np.array([[255, 0, 255]], dtype=np.uint8)] * 3)
    assert_reads(save(tmp_path / "a.png", Image.fromarray(bits)), expected)


def test_palette_gives_its_colours(tmp_path: Path) -> None:
    indexed = Image.new("P", (3, 1))
    indexed.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    indexed.putdata([2, 0, 1])
    expected = np.array([[[70, 80, 90], [10, 20, 30], [40, 50, 60]]], dtype=np.uint8)
    assert_reads(save(tmp_path / "a.png", indexed), expected)


def test_transparent_palette_entry_is_white(tmp_path: Path) -> None:
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([10, 20, 30, 40, 50, 60])
    indexed.putdata([0, 1])
    path = save(tmp_path / "a.png", indexed, transparency=0)
    assert_reads(path, np.array([[[255, 255, 255], [40, 50, 60]]], dtype=np.uint8))


def test_alpha_is_laid_over_white(tmp_path: Path) -> None:
    rgba = np.array([[[100, 0, 0, 255], [100, 0, 0, 0], [100, 0, 0, 51]]], dtype=np.uint8)
    # 51/255 = 0.2: a fifth of the colour and four fifths of white.
    expected = np.array([[[100, 0, 0], [255, 255, 255], [224, 204, 204]]], dtype=np.uint8)
    assert_reads(save(tmp_path / "a.png", Image.fromarray(rgba)), expected)


def test_grey_with_alpha(tmp_path: Path) -> None:
    pixels = np.array([[[100, 255], [100, 0]]], dtype=np.uint8)
    expected = np.array([[[100] * 3, [255] * 3]], dtype=np.uint8)
    assert_reads(save(tmp_path / "a.png", Image.fromarray(pixels)), expected)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_16_bit_grey_keeps_its_high_byte(tmp_path: Path, suffix: str) -> None:
    deep = np.array([[0, 255, 256, 0x8000, 0xFFFF]], dtype=np.uint16)
    path = save_16_bit(tmp_path / f"a{suffix}", deep)
    expected = np.array([[0, 0, 1, 0x80, 0xFF]], dtype=np.uint8)
    assert_reads(path, np.dstack([expected] * 3))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_colour_keeps_its_high_byte(tmp_path: Path, suffix: str) -> None:
    path = save_16_bit(tmp_path / f"a{suffix}", COLORS.astype(np.uint16) * 257)
    assert_reads(path, COLORS)


@pytest.mark.parametrize("options", [{}, {"planarconfig": "separate"}, {"bigtiff": True}])
def test_16_bit_colour_tiff_of_scientific_software(
    tmp_path: Path, options: dict[str, object]
) -> None:
    path = tmp_path / "a.tif"
    deep = COLORS.astype(np.uint16) * 257
    if options.get("planarconfig"):
        deep = np.ascontiguousarray(np.moveaxis(deep, 2, 0))
    tifffile.imwrite(path, deep, photometric="rgb", **options)
    assert_reads(path, COLORS)


def test_float_tiff_is_taken_as_0_to_1(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.array([[0, 0.5, 1]], dtype=np.float32))
    expected = np.array([[0, 128, 255]], dtype=np.uint8)
    assert_reads(path, np.dstack([expected] * 3))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_exif_rotation_is_applied(tmp_path: Path, suffix: str) -> None:
    upright = np.full((16, 24, 3), 250, dtype=np.uint8)
    upright[:8, :8] = 5  # dark corner: upper left
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side: to be shown turned clockwise by 90 degrees
    stored = Image.fromarray(np.rot90(upright))
    image = read_image(save(tmp_path / f"a{suffix}", stored, exif=exif))
    assert image.shape == (16, 24, 3)
    np.testing.assert_allclose(image.astype(int), upright, atol=8)


def test_cmyk_jpeg(tmp_path: Path) -> None:
    flat = np.broadcast_to(np.array([200, 40, 60], np.uint8), (16, 16, 3))
    path = save(tmp_path / "a.jpg", Image.fromarray(flat).convert("CMYK"), quality=98)
    with Image.open(path) as stored:
        assert stored.mode == "CMYK"
    np.testing.assert_allclose(read_image(path).astype(int), flat, atol=6)


def test_first_picture_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 3), color) for color in ("red", "blue")]
    path = save(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert_reads(path, np.broadcast_to(np.array([255, 0, 0], np.uint8), (3, 4, 3)))


def test_one_pixel(tmp_path: Path) -> None:
    assert read_image(save(tmp_path / "a.png", Image.new("RGB", (1, 1)))).shape == (1, 1, 3)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_truncated_file(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"cut{suffix}", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"cut\{suffix}: .*(again|save it as)"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("content", [b"", b"this is a text\n" * 20, b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_image(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_decompression_bomb(tmp_path: Path) -> None:
    header = (60_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(b"\0" * 99))
    )
    with pytest.raises(DataError, match=r"bomb\.png: .* limit of 200; raise .*--max-megapixels"):
        read_image(path)


def test_a_large_photograph_is_no_bomb_and_no_warning(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    path = save(tmp_path / "large.png", Image.new("1", (10_000, 9_000)))
    assert read_image(path).shape == (9_000, 10_000, 3)
    assert not recwarn.list


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.jpg: there is no such file"):
        read_image(tmp_path / "gone.jpg")


def test_source_identifies_what_the_file_holds(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(COLORS).save(buffer, "PNG")
    one, two = tmp_path / "1.png", tmp_path / "2.png"
    for path in (one, two):
        path.write_bytes(buffer.getvalue())
    source = ImageFile(one)
    assert isinstance(source, FileSource)
    assert source.digest() == ImageFile(two).digest()
    before = source.signature()
    one.write_bytes(buffer.getvalue() + b"more")
    assert source.signature() != before
    assert source.digest() != ImageFile(two).digest()
    np.testing.assert_array_equal(ImageFile(two).read(), COLORS)
