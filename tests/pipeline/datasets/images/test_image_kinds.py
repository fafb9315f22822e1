"""Maps, stacks and medical images: read as planes with their bands, or refused in one line."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from spam_pipe.pipeline.datasets.folder import ImageFolder
from spam_pipe.pipeline.datasets.images.bands import Reading, said_of
from spam_pipe.pipeline.datasets.images.georeference import georeference_of
from spam_pipe.pipeline.datasets.images.image_file import ImageFile, read_picture
from spam_pipe.pipeline.datasets.images.planes import plane_names
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Item

STACK = np.arange(2 * 3 * 5 * 7, dtype=np.uint16).reshape(2, 3, 5, 7)
"""Two channels, three planes."""


def needs(package: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed")


def ids(folder: ImageFolder) -> list[str]:
    return [item.id for item in folder.items()]


def write_scene(path: Path, crs: str | None = "EPSG:32631", **options: object) -> np.ndarray:
    import rasterio
    from rasterio.transform import from_origin

    bands = np.arange(4 * 8 * 10, dtype=np.uint16).reshape(4, 8, 10) * 20 + 1
    bands[:, :3, :4] = 0
    profile = {"driver": "GTiff", "height": 8, "width": 10, "count": 4, "dtype": "uint16"}
    place = {} if crs is None else {"crs": crs, "transform": from_origin(500_000, 4.6e6, 2, 2)}
    with rasterio.open(path, "w", **profile, **place, nodata=0, **options) as file:
        file.write(bands)
    return bands


@needs("rasterio")
@pytest.mark.parametrize(
    "options", [{}, {"compress": "deflate", "tiled": True}, {"interleave": "band"}]
)
def test_geotiff_of_four_bands(tmp_path: Path, options: dict[str, object]) -> None:
    bands = write_scene(tmp_path / "a.tif", blockxsize=16, blockysize=16, **options)
    with pytest.raises(DataError, match=r"a\.tif: has 4 bands; say which"):
        read_picture(tmp_path / "a.tif")
    made = read_picture(tmp_path / "a.tif", Reading(bands=(4, 3, 2)))
    assert made.valid is not None
    np.testing.assert_array_equal(made.valid, bands[0] != 0)
    inside = bands[3][made.valid]
    assert made.facts["limits"][0] == np.percentile(inside, (2, 98)).tolist()
    assert (made.pixels[~made.valid] == 255).all()
    assert made.pixels[7, 9].tolist() == [255, 255, 255]


@needs("rasterio")
def test_internal_mask_of_a_geotiff(tmp_path: Path) -> None:
    import rasterio

    path = tmp_path / "a.tif"
    mask = np.eye(6, dtype=bool)
    profile = {"driver": "GTiff", "height": 6, "width": 6, "count": 3, "dtype": "uint8"}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as file:
        file.write(np.full((3, 6, 6), 9, np.uint8))
        file.write_mask(mask)
    valid = read_picture(path).valid
    assert valid is not None
    np.testing.assert_array_equal(valid, mask)


@needs("rasterio")
def test_georeference(tmp_path: Path) -> None:
    write_scene(tmp_path / "a.tif")
    found = georeference_of(Item("a", "all", ImageFile(tmp_path / "a.tif")))
    assert found is not None
    assert "32631" in found.crs
    assert found.transform == (2.0, 0.0, 500_000.0, 0.0, -2.0, 4.6e6)
    Image.new("RGB", (3, 3)).save(tmp_path / "b.tif")
    assert georeference_of(Item("b", "all", ImageFile(tmp_path / "b.tif"))) is None


@needs("rasterio")
def test_georeference_without_rasterio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_scene(tmp_path / "a.tif")
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(DataError, match=r"a\.tif: .*pip install 'spam-pipe\[geo\]'"):
        georeference_of(Item("a", "all", ImageFile(tmp_path / "a.tif")))


def test_multispectral_tiff_without_a_map(tmp_path: Path) -> None:
    path = tmp_path / "bands.tif"
    values = np.arange(20 * 30 * 7, dtype=np.uint8).reshape(20, 30, 7)
    tifffile.imwrite(path, values, planarconfig="contig", photometric="minisblack")
    made = read_picture(path, Reading(bands=(7, 1, 4)))
    np.testing.assert_array_equal(made.pixels, values[..., [6, 0, 3]])


def test_transparency_of_a_deep_tiff_is_no_data(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    values = np.zeros((3, 4, 4), np.float32)
    values[..., 3] = 1
    values[0, 0, 3] = 0
    tifffile.imwrite(path, values, photometric="rgb", extrasamples=["unassalpha"])
    made = read_picture(path)
    assert made.valid is not None
    assert np.argwhere(~made.valid).tolist() == [[0, 0]]
    assert made.pixels[0, :2].tolist() == [[255] * 3, [0] * 3]


def write_ome_tiff(path: Path) -> None:
    tifffile.imwrite(path, STACK, metadata={"axes": "CZYX"}, photometric="minisblack")


def write_ome_zarr(path: Path, version: str = "0.5") -> None:
    form = 3 if version == "0.5" else 2
    group = zarr.open_group(str(path), mode="w", zarr_format=form)
    group.create_array("0", data=STACK, chunks=(1, 1, 4, 4))
    axes = [{"name": name, "type": "space"} for name in "czyx"]
    image = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    group.attrs.update({"ome": {"version": version, **image}} if form == 3 else image)


def write_ome_zarr_4(path: Path) -> None:
    write_ome_zarr(path, "0.4")


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_ome_tiff, "cells.ome.tif"),
        (write_ome_zarr, "cells.ome.zarr"),
        (write_ome_zarr_4, "cells.zarr"),
    ],
)
def test_each_plane_of_a_stack_is_an_item(
    tmp_path: Path, write: Callable[[Path], None], name: str
) -> None:
    write(tmp_path / name)
    folder = ImageFolder(tmp_path, reading=Reading(bands=(2,), stretch=(0, 100)))
    items = list(folder.items())
    assert [item.id for item in items] == ["cells#z0", "cells#z1", "cells#z2"]
    plane = STACK[1, 2].astype(float)
    expected = np.rint((plane - plane.min()) / (plane.max() - plane.min()) * 255)
    np.testing.assert_array_equal(items[2].image.read()[..., 0], expected)
    assert len({item.image.digest() for item in items}) == 3
    assert ids(ImageFolder(tmp_path, planes="first")) == ["cells"]
    unsaid = next(iter(ImageFolder(tmp_path).items()))
    with pytest.raises(DataError, match=r"has 2 bands; say which"):
        unsaid.image.read()


def test_pages_of_other_tiffs_are_planes_when_asked_for(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK[0].astype(np.uint8), photometric="minisblack")
    assert ids(ImageFolder(tmp_path)) == ["a"]
    items = list(ImageFolder(tmp_path, planes="all").items())
    assert [item.id for item in items] == ["a#p0", "a#p1", "a#p2"]
    np.testing.assert_array_equal(items[1].image.read()[..., 0], STACK[0, 1].astype(np.uint8))


def test_ground_truth_of_planes(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    write_ome_tiff(tmp_path / "cells.ome.tif")
    np.save(tmp_path / "truth" / "cells#z1.npy", np.ones((5, 7), np.uint8))
    items = ImageFolder(tmp_path, ground_truth=tmp_path / "truth").items()
    assert [item.annotations is not None for item in items] == [False, True, False]


def test_plane_names_sort_as_planes_follow() -> None:
    names = list(plane_names({"t": 2, "c": 1, "z": 11}))
    assert names[:2] == ["t0z00", "t0z01"]
    assert names[-1] == "t1z10"
    assert names == sorted(names)
    assert list(plane_names({"z": 1})) == [""]


def test_a_file_called_as_a_plane_of_another(tmp_path: Path) -> None:
    write_ome_tiff(tmp_path / "cells.ome.tif")
    (tmp_path / "cells#z1.png").touch()
    with pytest.raises(DataError, match="would both be called cells#z1; rename one"):
        ImageFolder(tmp_path).items()


def test_damaged_stacks_fail_alone(tmp_path: Path) -> None:
    write_ome_zarr(tmp_path / "a.ome.zarr")
    (tmp_path / "a.ome.zarr" / "0" / "zarr.json").write_text("{}")
    (tmp_path / "b.ome.tif").write_bytes(b"II*\0 no")
    items = list(ImageFolder(tmp_path).items())
    assert [item.id for item in items] == ["a", "b"]
    with pytest.raises(DataError, match=r"a\.ome\.zarr: is not an OME-Zarr image"):
        items[0].image.read()
    with pytest.raises(DataError, match=r"b\.ome\.tif: is not a TIFF that can be read"):
        items[1].image.read()
    write_ome_zarr(tmp_path / "c.ome.zarr")
    with pytest.raises(DataError, match="has no plane z9; there are 3 z"):
        read_picture(tmp_path / "c.ome.zarr", plane="z9")


def test_the_limit_is_checked_before_anything_is_decoded(tmp_path: Path) -> None:
    small = Reading(max_pixels=30)
    Image.new("RGB", (7, 6)).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((6, 7), np.float64))
    write_ome_tiff(tmp_path / "b.ome.tif")
    write_ome_zarr(tmp_path / "b.ome.zarr")
    for file in tmp_path.iterdir():
        with pytest.raises(DataError, match=r"limit of 3e-05; raise it with --max-megapixels"):
            read_picture(file, small)
    assert read_picture(tmp_path / "a.png", Reading(max_pixels=42)).pixels.shape == (6, 7, 3)


def test_pillows_own_limit_is_as_before_afterwards(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    Image.new("RGB", (7, 6)).save(tmp_path / "a.png")
    with pytest.raises(DataError):
        read_picture(tmp_path / "a.png", Reading(max_pixels=5))
    assert before == Image.MAX_IMAGE_PIXELS


def without_tag(path: Path, code: int) -> None:
    """Rename a tag of a TIFF's first page to one that nobody knows."""
    with tifffile.TiffFile(path) as file:
        at = file.pages[0].tags[code].offset
    content = bytearray(path.read_bytes())
    content[at : at + 2] = (65000).to_bytes(2, "little")
    path.write_bytes(content)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(("extra", "said"), [(None, True), (0, True), (2, False)])
def test_a_fourth_band_is_opacity_where_the_file_says_so(
    tmp_path: Path, compression: str | None, extra: int | None, said: bool
) -> None:
    path = tmp_path / "a.tif"
    values = np.random.default_rng(0).integers(0, 256, (6, 7, 4), np.uint8)
    extras = [2 if extra is None else extra]
    tifffile.imwrite(
        path, values, photometric="rgb", extrasamples=extras, compression=compression, metadata=None
    )
    if extra is None:
        without_tag(path, 338)
    made = read_picture(path)
    assert (said_of(made.facts) == "bands 1, 2, 3 of 4") == said
    assert np.array_equal(made.pixels, values[..., :3]) == said


def test_palettes_of_8_and_16_bits_are_the_same_picture(tmp_path: Path) -> None:
    values = np.arange(42, dtype=np.uint8).reshape(6, 7)
    table = np.stack([np.arange(256), np.arange(256)[::-1], np.arange(256) // 2]).astype(np.uint16)
    for name, colors in (("a.tif", table * 257), ("b.tif", table)):
        tifffile.imwrite(tmp_path / name, values, photometric="palette", colormap=colors)
        seen = read_picture(tmp_path / name).pixels
        np.testing.assert_array_equal(seen, np.moveaxis(table[:, values], 0, 2))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("truncated.tif", "the first of 5 pages"),
        ("many.ppm", "the first of 3 frames"),
        ("many.pbm", "the first of 2 frames"),
        ("one.pgm", ""),
    ],
)
def test_planes_that_have_no_directory_are_said(tmp_path: Path, name: str, said: str) -> None:
    path = tmp_path / name
    values = np.arange(42, dtype=np.uint8).reshape(6, 7)
    if path.suffix == ".tif":
        tifffile.imwrite(path, np.stack([values] * 5), photometric="minisblack", truncate=True)
    else:
        mode = {"many.ppm": "RGB", "many.pbm": "1", "one.pgm": "L"}[name]
        Image.fromarray(values * 6).convert(mode).save(path)
        path.write_bytes(path.read_bytes() * {"many.ppm": 3, "many.pbm": 2, "one.pgm": 1}[name])
    assert said_of(read_picture(path).facts) == said


def test_white_as_zero_of_signed_samples_is_refused(tmp_path: Path) -> None:
    values = np.arange(42, dtype=np.int16).reshape(6, 7)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite")
    with pytest.raises(DataError, match="calls 0 white, and its int16 samples have no black"):
        read_picture(tmp_path / "a.tif")
