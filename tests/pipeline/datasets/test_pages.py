"""A page is what it says it is, and what GDAL would mask is masked, in every reader."""

import importlib.util
import zlib
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from spam_pipe.pipeline.datasets.folder import ImageFolder
from spam_pipe.pipeline.datasets.images.bands import Reading, said_of
from spam_pipe.pipeline.datasets.images.image_file import ImageFile, read_picture
from spam_pipe.pipeline.datasets.images.stacks import parts_of
from spam_pipe.pipeline.datasets.user_files.label_file import LabelFile
from spam_pipe.pipeline.datasets.user_files.masks import MaskFile
from spam_pipe.pipeline.errors import DataError
from spam_pipe.stages.validity import VOID

PIXELS = np.arange(8 * 12, dtype=np.uint8).reshape(8, 12)
VALID = PIXELS % 3 != 0
REDUCED, MASK = 1, 4

needs_rasterio = pytest.mark.skipif(
    importlib.util.find_spec("rasterio") is None, reason="rasterio is not installed"
)


def write_pages(path: Path, pages: list[tuple[np.ndarray, int]], **options: object) -> Path:
    with tifffile.TiffWriter(path, bigtiff=bool(options.get("bigtiff"))) as file:
        for values, kind in pages:
            file.write(values, subfiletype=kind, photometric="minisblack", metadata=None)
    return path


FOLLOWING = {
    "mask": [(VALID, MASK)],
    "overview": [(PIXELS[::2, ::2], REDUCED)],
    "mask of the overview": [(VALID[::2, ::2], MASK | REDUCED)],
}


@pytest.mark.parametrize("order", [*permutations(FOLLOWING)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_pages_in_any_order(
    tmp_path: Path, order: tuple[str, ...], kind: type, bigtiff: bool
) -> None:
    following = [page for name in order for page in FOLLOWING[name]]
    pages = [(PIXELS.astype(kind), 0), *following]
    path = write_pages(tmp_path / "a.tif", pages, bigtiff=bigtiff)
    made = read_picture(path)
    assert made.valid is not None
    np.testing.assert_array_equal(made.valid, VALID)
    assert parts_of(path, "all") == [(None, None)]
    (labels,) = LabelFile(path, void=VOID).read()
    np.testing.assert_array_equal(labels, np.where(VALID, PIXELS.astype(np.int64), VOID))
    assert MaskFile(path).read().area.size == np.unique(PIXELS[VALID]).size


def test_every_image_of_a_file_has_its_own_mask(tmp_path: Path) -> None:
    other = PIXELS + 100
    pages = [(PIXELS, 0), (VALID, MASK), (other, 0), (PIXELS[::2, ::2], REDUCED), (~VALID, MASK)]
    path = write_pages(tmp_path / "a.tif", pages)
    items = list(ImageFolder(tmp_path, planes="all").items())
    assert [item.id for item in items] == ["a#p0", "a#p1"]
    for item, values, valid in zip(items, (PIXELS, other), (VALID, ~VALID), strict=True):
        made = item.image.picture()
        assert made.valid is not None
        np.testing.assert_array_equal(made.valid, valid)
        np.testing.assert_array_equal(made.pixels[valid][:, 0], values[valid])
    one, two = LabelFile(path, void=VOID).read()
    np.testing.assert_array_equal(two == VOID, VALID)
    assert (one == VOID).sum() == (~VALID).sum()
    assert said_of(read_picture(path).facts) == "the first of 2 pages"


def test_a_thumbnail_in_front_is_no_image(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.tif", [(PIXELS[::4, ::4], REDUCED), (PIXELS, 0)])
    np.testing.assert_array_equal(read_picture(path).pixels[..., 0], PIXELS)
    np.testing.assert_array_equal(LabelFile(path).read()[0], PIXELS)


def test_masks_that_fit_nothing_are_refused(tmp_path: Path) -> None:
    small = write_pages(tmp_path / "a.tif", [(PIXELS, 0), (VALID[:4], MASK)])
    with pytest.raises(DataError, match=r"its mask is 4 × 12, its image 8 × 12"):
        read_picture(small)
    two = write_pages(tmp_path / "b.tif", [(PIXELS, 0), (VALID, MASK), (VALID, MASK)])
    with pytest.raises(DataError, match="two masks of one image"):
        read_picture(two)


@needs_rasterio
@pytest.mark.parametrize("kind", ["internal", "msk", "nodata", "alpha", "nodata in xml", "cog"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_what_gdal_masks_is_masked(tmp_path: Path, kind: str, dtype: str) -> None:
    import rasterio
    from rasterio.shutil import copy

    path = tmp_path / "a.tif"
    values = (PIXELS + 1).astype(dtype)
    values[~VALID] = 0 if "nodata" in kind else values[~VALID]
    count = 4 if kind == "alpha" else 3
    profile = {"driver": "GTiff", "height": 8, "width": 12, "count": count, "dtype": dtype}
    if kind == "nodata":
        profile["nodata"] = 0
    if kind == "alpha":
        profile |= {"photometric": "RGB", "alpha": "YES"}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind != "msk"),
        rasterio.open(path, "w", **profile) as file,
    ):
        most = 1 if dtype == "float32" else np.iinfo(dtype).max
        bands = [values] * 3 + [VALID.astype(dtype) * most] * (kind == "alpha")
        file.write(np.stack(bands).astype(dtype))
        if kind in ("internal", "msk", "cog"):
            file.write_mask(VALID)
    if kind == "cog":
        copy(str(path), str(tmp_path / "b.tif"), driver="COG")
        path = tmp_path / "b.tif"
    if kind == "nodata in xml":
        bands_xml = "".join(
            f'<PAMRasterBand band="{n}"><NoDataValue>0</NoDataValue></PAMRasterBand>'
            for n in (1, 2, 3)
        )
        (tmp_path / "a.tif.aux.xml").write_text(f"<PAMDataset>{bands_xml}</PAMDataset>")
    # GDAL takes opacity for bytes, and finds none in floats that it writes itself.
    with rasterio.open(path) as file:
        if (kind, dtype) != ("alpha", "float32"):
            np.testing.assert_array_equal(file.dataset_mask() != 0, VALID)
    made = read_picture(path)
    assert made.valid is not None
    np.testing.assert_array_equal(made.valid, VALID)
    assert ImageFile(path).may_have_gaps


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_a_mask_beside_any_file_counts(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(PIXELS).save(path)
    image = ImageFile(path)
    plain = image.signature(), image.digest()
    tifffile.imwrite(tmp_path / f"a{suffix}.msk", VALID.astype(np.uint8) * 255)
    assert image.may_have_gaps
    valid = image.picture().valid
    assert valid is not None
    np.testing.assert_array_equal(valid, VALID)
    assert image.signature() != plain[0]
    assert image.digest() != plain[1]
    (item,) = ImageFolder(tmp_path).items()
    assert item.id == "a"
    tifffile.imwrite(tmp_path / f"a{suffix}.msk", VALID[:3].astype(np.uint8))
    with pytest.raises(DataError, match=rf"a\{suffix}\.msk: is 3 × 12"):
        image.picture()


def png(path: Path, depth: int, color_type: int, rows: np.ndarray, key: list[int]) -> Path:
    """Write a PNG as its specification says; rows hold samples."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(name + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + name + data + checksum

    height, width = rows.shape[:2]
    samples = rows.reshape(height, -1)
    if depth == 16:
        lines = [row.astype(">u2").tobytes() for row in samples]
    else:
        bits = [[format(int(v), f"0{depth}b") for v in row] for row in samples]
        joined = ["".join(each) for each in bits]
        lines = [
            int(each.ljust(-(-len(each) // 8) * 8, "0"), 2).to_bytes(-(-len(each) // 8), "big")
            for each in joined
        ]
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    palette = bytes(range(30)) if color_type == 3 else b""
    clear = bytes(key) if color_type == 3 else np.array(key, ">u2").tobytes()
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header + bytes([depth, color_type, 0, 0, 0]))
        + (chunk(b"PLTE", palette) if palette else b"")
        + chunk(b"tRNS", clear)
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines)))
        + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png(tmp_path: Path, depth: int) -> None:
    rows = np.arange(12).reshape(3, 4) % 2**depth
    rows = rows * 257 + 1 if depth == 16 else rows
    path = png(tmp_path / "a.png", depth, 0, rows, [int(rows[0, 1])])
    made = read_picture(path)
    assert made.valid is not None
    np.testing.assert_array_equal(made.valid, rows != rows[0, 1])
    (labels,) = LabelFile(path, void=VOID).read()
    np.testing.assert_array_equal(labels, np.where(rows != rows[0, 1], rows, VOID))


@pytest.mark.parametrize("depth", [8, 16])
def test_the_transparent_colour_of_a_png(tmp_path: Path, depth: int) -> None:
    if depth == 16:
        pytest.importorskip("imagecodecs", reason="reads 16 bits in colour")
    most = 2**depth - 1
    rows = np.array([[[0, 1, most], [0, 2, most], [most, most, 5]]])
    path = png(tmp_path / "a.png", depth, 2, rows, [0, 1, most])
    valid = read_picture(path).valid
    assert valid is not None
    assert valid.tolist() == [[False, True, True]]
    (labels,) = LabelFile(path, void=VOID).read()
    assert (labels == VOID).tolist() == [[True, False, False]]
    assert labels[0, 1] != labels[0, 2]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_the_transparent_entries_of_a_palette(tmp_path: Path, depth: int) -> None:
    rows = np.arange(8).reshape(2, 4) % min(2**depth, 10)
    path = png(tmp_path / "a.png", depth, 3, rows, [255, 0])
    valid = read_picture(path).valid
    assert valid is not None
    np.testing.assert_array_equal(valid, rows != 1)
    (labels,) = LabelFile(path, void=VOID).read()
    np.testing.assert_array_equal(labels, np.where(rows != 1, rows, VOID))


@pytest.mark.parametrize("truncate", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_channels_of_an_imagej_stack_are_bands(tmp_path: Path, truncate: bool, kind: type) -> None:
    stack = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6).astype(kind)
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, stack, imagej=True, truncate=truncate, metadata={"axes": "TZCYX", "mode": "composite"}
    )
    with pytest.raises(DataError, match="has 4 bands; say which"):
        read_picture(path)
    made = ImageFile(path, Reading(bands=(4, 2, 1)), "t1z2").samples().values
    np.testing.assert_array_equal(made, np.moveaxis(stack[1, 2], 0, 2))
    parts = parts_of(path, "all")
    assert parts[0] == (None, "t0z0")
    assert len(parts) == 6
    said = said_of(read_picture(path, Reading(bands=(3, 2, 1))).facts)
    assert said.startswith("the first of 2 t, 3 z; bands 3, 2, 1 of 4")


def test_three_channels_of_an_imagej_composite_are_a_picture(tmp_path: Path) -> None:
    stack = np.stack([PIXELS, PIXELS + 1, PIXELS + 2])
    tifffile.imwrite(
        tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "CYX", "mode": "composite"}
    )
    made = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(made.pixels, np.moveaxis(stack, 0, 2))
    assert made.facts == {}


def test_each_image_of_an_ome_tiff_is_an_item(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        file.write(np.stack([PIXELS, PIXELS + 1]), metadata={"axes": "ZYX"})
        file.write(PIXELS[:5], metadata={"axes": "YX"})
    items = {item.id: item.image for item in ImageFolder(tmp_path).items()}
    assert list(items) == ["a#0#z0", "a#0#z1", "a#1"]
    assert items["a#1"].read().shape == (5, 12, 3)
    assert len({image.digest() for image in items.values()}) == 3


def write_image(group: zarr.Group, values: np.ndarray, form: int) -> None:
    group.create_array("0", data=values, chunks=values.shape)
    axes = [{"name": name, "type": "space"} for name in "zyx"]
    image = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    group.attrs.update({"ome": image} if form == 3 else image)


@pytest.mark.parametrize("form", [2, 3])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("n", [1, 2])
def test_each_series_of_a_collection_is_an_item(
    tmp_path: Path, form: int, named: bool, n: int
) -> None:
    root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=form)
    said = {"bioformats2raw.layout": 3}
    root.attrs.update({"ome": said} if form == 3 else said)
    names = ["b", "a"] if named else ["0", "1"]
    if named:
        said = {"series": names[:n]}
        root.create_group("OME").attrs.update({"ome": said} if form == 3 else said)
    for number, name in enumerate(names[:n]):
        write_image(root.create_group(name), PIXELS[np.newaxis] + number, form)
    items = {item.id: item.image.read()[..., 0] for item in ImageFolder(tmp_path).items()}
    assert list(items) == (["a"] if n == 1 else [f"a#{name}" for name in sorted(names)])


@pytest.mark.parametrize("form", [2, 3])
def test_each_field_of_a_plate_is_an_item(tmp_path: Path, form: int) -> None:
    root = zarr.open_group(str(tmp_path / "p.ome.zarr"), mode="w", zarr_format=form)
    wells = {"plate": {"wells": [{"path": "A/1"}, {"path": "B/2"}]}}
    root.attrs.update({"ome": wells} if form == 3 else wells)
    for well in ("A/1", "B/2"):
        group = root.create_group(well)
        fields = {"well": {"images": [{"path": "0"}, {"path": "1"}]}}
        group.attrs.update({"ome": fields} if form == 3 else fields)
        for field in "01":
            write_image(group.create_group(field), np.stack([PIXELS] * 2), form)
    ids = [item.id for item in ImageFolder(tmp_path).items()]
    assert ids[:3] == ["p#A/1/0#z0", "p#A/1/0#z1", "p#A/1/1#z0"]
    assert len(ids) == 8
    first = next(iter(ImageFolder(tmp_path, planes="first").items()))
    assert said_of(first.image.picture().facts).startswith("the first of 4 images, 2 z")


def test_a_collection_that_leads_outside_is_refused(tmp_path: Path) -> None:
    root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2)
    root.attrs.update({"bioformats2raw.layout": 3})
    root.create_group("OME").attrs.update({"series": ["../secret"]})
    (item,) = ImageFolder(tmp_path).items()
    with pytest.raises(DataError, match="lies outside"):
        item.image.read()


@pytest.mark.parametrize(("suffix", "n"), [(".gif", 3), (".webp", 3), (".png", 3)])
def test_what_follows_a_first_frame_is_said(tmp_path: Path, suffix: str, n: int) -> None:
    frames = [Image.new("RGB", (9, 6), (70 * each, 10, 20)) for each in range(n)]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    assert said_of(read_picture(tmp_path / f"a{suffix}").facts) == f"the first of {n} frames"


@pytest.mark.parametrize(
    ("inner", "kind", "first", "said"),
    [
        (PIXELS[::2, ::2], REDUCED, 0, ""),
        (PIXELS[::2, ::2], 0, 0, ""),
        (VALID, MASK, 0, "keeps its mask in a sub-directory"),
        (np.tile(PIXELS, (4, 4)), 0, REDUCED, "begins with a small copy"),
        (np.tile(PIXELS, (4, 4)), 0, 0, "begins with a small copy"),
    ],
)
def test_what_is_in_sub_directories(
    tmp_path: Path, inner: np.ndarray, kind: int, first: int, said: str
) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(PIXELS, subifds=1, subfiletype=first, photometric="minisblack", metadata=None)
        file.write(inner, subfiletype=kind, photometric="minisblack", metadata=None)
    if not said:
        np.testing.assert_array_equal(read_picture(path).pixels[..., 0], PIXELS)
        return
    for read in (read_picture, lambda path: LabelFile(path).read()):
        with pytest.raises(DataError, match=said):
            read(path)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_scale_and_offset_give_the_unit(tmp_path: Path, beside: bool, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    tags = []
    if suffix == ".tif" and not beside:
        items = '<Item name="S" sample="0" role="scale">-0.5</Item>'
        items += '<Item name="O" sample="0" role="offset">100</Item>'
        items += '<Item name="AREA_OR_POINT">Area</Item>'
        tags = [(42112, "s", 0, f"<GDALMetadata>{items}</GDALMetadata>", True)]
    if suffix == ".tif":
        tags.append((42113, "s", 0, "7", True))
        tifffile.imwrite(path, PIXELS, metadata=None, extratags=tags)
    else:
        Image.fromarray(PIXELS).save(path)
    if beside or suffix == ".png":
        said = "<NoDataValue>7</NoDataValue><Offset>100</Offset><Scale>-0.5</Scale>"
        band = f'<PAMRasterBand band="1">{said}</PAMRasterBand>'
        (tmp_path / f"a{suffix}.aux.xml").write_text(f"<PAMDataset>{band}</PAMDataset>")
    samples = ImageFile(path).samples()
    np.testing.assert_array_equal(samples.values[..., 0], 100 - PIXELS / 2)
    made = read_picture(path)
    assert made.valid is not None
    assert np.argwhere(~made.valid).tolist() == [[0, 7]]
    assert made.pixels[0, 0, 0] > made.pixels[-1, -1, 0]
    assert said_of(made.facts).startswith("stored values × -0.5 + 100; float32 stretched from")


@pytest.mark.parametrize(("mode", "hidden"), [("L", True), ("RGB", False), ("P", None)])
def test_nodata_beside_a_picture_is_of_its_bands(
    tmp_path: Path, mode: str, hidden: bool | None
) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).convert(mode).save(path)
    said = '<PAMRasterBand band="1"><NoDataValue>7</NoDataValue></PAMRasterBand>'
    (tmp_path / "a.png.aux.xml").write_text(f"<PAMDataset>{said}</PAMDataset>")
    if hidden is None:
        with pytest.raises(DataError, match="gives values of palette indices"):
            read_picture(path)
    else:
        assert (read_picture(path).valid is not None) == hidden
