"""Every reader turns a picture as its tag Orientation says: image, masks, labels and valid."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from spam_pipe.pipeline.datasets.images.bands import Reading
from spam_pipe.pipeline.datasets.images.image_file import ImageFile, read_picture
from spam_pipe.pipeline.datasets.user_files.factor_maps import FactorMap
from spam_pipe.pipeline.datasets.user_files.label_file import LabelFile
from spam_pipe.pipeline.datasets.user_files.masks import MaskFile
from spam_pipe.pipeline.datasets.user_files.valid import find_valid

ALL = range(1, 9)
ORIENTATION = 274
STORED = np.arange(6 * 9, dtype=np.uint8).reshape(6, 9)


def shown(stored: np.ndarray, orientation: int) -> np.ndarray:
    """Turn as TIFF 6.0 says where the stored row 0 and column 0 are to be seen."""
    return {
        1: stored,
        2: stored[:, ::-1],
        3: np.rot90(stored, 2),
        4: stored[::-1],
        5: stored.swapaxes(0, 1),
        6: np.rot90(stored, -1),
        7: np.rot90(stored, 2).swapaxes(0, 1),
        8: np.rot90(stored),
    }[orientation]


def write(path: Path, stored: np.ndarray, orientation: int, **options: object) -> Path:
    tag = [(ORIENTATION, "H", 1, orientation, True)]
    tifffile.imwrite(path, stored, extratags=tag, metadata=None, **options)
    return path


SAMPLES = {
    "grey": (STORED, {"photometric": "minisblack"}),
    "white is zero": (255 - STORED, {"photometric": "miniswhite"}),
    "rgb": (np.dstack([STORED, STORED + 60, 200 - STORED]), {"photometric": "rgb"}),
    "planar": (
        np.stack([STORED, STORED + 60, 200 - STORED]),
        {"photometric": "rgb", "planarconfig": "separate"},
    ),
    "alpha": (
        np.dstack([STORED, STORED, STORED, np.full_like(STORED, 255)]),
        {"photometric": "rgb", "extrasamples": ["unassalpha"]},
    ),
    "bilevel": (STORED % 3 == 0, {"photometric": "minisblack"}),
    "palette": (
        STORED,
        {"photometric": "palette", "colormap": np.tile(np.arange(256) * 257, (3, 1)).astype("u2")},
    ),
    "16 bits": (STORED.astype(np.uint16) * 1000, {"photometric": "minisblack"}),
    "16 bits rgb": (
        np.dstack([STORED.astype(np.uint16) * 1000] * 3),
        {"photometric": "rgb"},
    ),
    "float": (STORED.astype(np.float32) / 60, {"photometric": "minisblack"}),
    "double": (STORED.astype(np.float64) / 60, {"photometric": "minisblack"}),
    "signed": (STORED.astype(np.int16) - 20, {"photometric": "minisblack"}),
    "32 bits": (STORED.astype(np.uint32), {"photometric": "minisblack"}),
    "big endian": (
        STORED.astype(np.uint16) * 1000,
        {"photometric": "minisblack", "byteorder": ">"},
    ),
}


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("compression", [None, "deflate", "lzw", "packbits", "zstd"])
def test_tiff(tmp_path: Path, kind: str, compression: str | None) -> None:
    stored, options = SAMPLES[kind]
    if compression not in (None, "deflate"):
        pytest.importorskip("imagecodecs", reason="writes this compression")
    options = {**options, "compression": compression}
    upright = read_picture(write(tmp_path / "1.tif", stored, 1, **options)).pixels
    assert upright.shape == (6, 9, 3)
    assert np.unique(upright).size > 1
    for orientation in ALL:
        path = write(tmp_path / "a.tif", stored, orientation, **options)
        seen = read_picture(path).pixels
        np.testing.assert_array_equal(seen, shown(upright, orientation), str(orientation))


@pytest.mark.parametrize("layout", [{"tile": (16, 16)}, {"rowsperstrip": 2}, {"bigtiff": True}])
@pytest.mark.parametrize("kind", ["rgb", "16 bits"])
def test_layouts_of_tiff(tmp_path: Path, kind: str, layout: dict[str, object]) -> None:
    stored, options = SAMPLES[kind]
    upright = read_picture(write(tmp_path / "1.tif", stored, 1, **options)).pixels
    for orientation in ALL:
        path = write(tmp_path / "a.tif", stored, orientation, **options, **layout)
        np.testing.assert_array_equal(read_picture(path).pixels, shown(upright, orientation))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".jfif"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "1", "P"])
def test_exif(tmp_path: Path, suffix: str, mode: str) -> None:
    if suffix != ".png" and mode in ("RGBA", "I;16", "1", "P"):
        pytest.skip("is for PNG")
    deep = np.kron(STORED, np.ones((8, 8), np.uint8)) * 4
    picture = Image.fromarray(deep.astype(np.uint16) * 256 if mode == "I;16" else deep)
    picture = picture if mode == "I;16" else picture.convert(mode)
    options = {"lossless": True} if suffix == ".webp" else {}
    form = "JPEG" if suffix == ".jfif" else None
    picture.save(tmp_path / f"1{suffix}", form, **options)
    upright = read_picture(tmp_path / f"1{suffix}").pixels
    for orientation in ALL:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        picture.save(tmp_path / f"a{suffix}", form, exif=exif, **options)
        seen = read_picture(tmp_path / f"a{suffix}").pixels
        np.testing.assert_array_equal(seen, shown(upright, orientation), str(orientation))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32, np.bool_])
@pytest.mark.parametrize("orientation", ALL)
def test_label_files_turn_too(tmp_path: Path, kind: type, orientation: int) -> None:
    labels = (STORED % 5).astype(kind)
    path = write(tmp_path / "a.tif", labels, orientation, photometric="minisblack")
    (read,) = LabelFile(path).read()
    np.testing.assert_array_equal(read, shown(labels, orientation).astype(np.uint32))
    np.testing.assert_array_equal(MaskFile(path).read().size, read.shape)
    valid = find_valid(ImageFile(tmp_path / "none.png"), "a", str(path))
    assert valid is not None
    assert valid.mask is not None
    np.testing.assert_array_equal(valid.mask.read()[0], read)


@pytest.mark.parametrize("orientation", ALL)
def test_label_and_factor_pngs_turn_too(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(STORED).save(tmp_path / "a.png", exif=exif)
    expected = shown(STORED, orientation)
    np.testing.assert_array_equal(LabelFile(tmp_path / "a.png").read()[0], expected)
    factors = FactorMap(tmp_path / "a.png", 256.0).read().pixels
    assert factors is not None
    np.testing.assert_allclose(factors, expected + 1.0)


@pytest.mark.parametrize("orientation", ALL)
def test_a_mask_page_turns_with_its_image(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.tif"
    hidden = STORED < 20
    with tifffile.TiffWriter(path) as file:
        tag = [(ORIENTATION, "H", 1, orientation, True)]
        file.write(STORED, extratags=tag, photometric="minisblack", metadata=None)
        file.write(~hidden, subfiletype=4, photometric="minisblack", metadata=None)
    made = read_picture(path)
    assert made.valid is not None
    np.testing.assert_array_equal(made.valid, ~shown(hidden, orientation))
    np.testing.assert_array_equal(
        made.pixels[..., 0], np.where(made.valid, shown(STORED, orientation), 255)
    )


def test_bands_that_are_asked_for_turn_as_well(tmp_path: Path) -> None:
    stored, options = SAMPLES["rgb"]
    for orientation in ALL:
        path = write(tmp_path / "a.tif", stored, orientation, **options)
        seen = read_picture(path, Reading(bands=(3, 2, 1))).pixels
        np.testing.assert_array_equal(seen, shown(stored, orientation)[..., ::-1])
