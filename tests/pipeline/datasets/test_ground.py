"""Where an image lies reaches rasters, polygons and tables; metres are the ground's."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from spam_pipe.pipeline.commands.export import export_run
from spam_pipe.pipeline.configuration.sizes import count_for
from spam_pipe.pipeline.datasets.images.georeference import (
    Georeference,
    georeference_of,
    mean_square_metres,
    why_not_georeferenced,
)
from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.session.other_options import ExportOptions

rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
pytest.importorskip("pyproj", reason="needs the extra geo")

Command = Callable[..., dict[str, Any]]
SHAPE = (40, 60)
PIXELS = np.random.default_rng(0).integers(0, 255, (*SHAPE, 3), np.uint8)
GRID = rasterio.Affine(10, 0, 500_000, 0, -10, 4_600_000)


def item(path: Path) -> Item:
    return Item(path.stem, "all", ImageFile(path))


def write(path: Path, **place: Any) -> Path:
    profile = {"driver": "GTiff", "height": 40, "width": 60, "count": 3, "dtype": "uint8"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", **profile, **place) as file:
            file.write(np.moveaxis(PIXELS, 2, 0))
    return path


def corners(transform: Any, warp: float = 0.0) -> list[Any]:
    points = [(0, 0), (0, 60), (40, 0), (40, 60), (20, 30)]
    return [
        rasterio.control.GroundControlPoint(
            row, column, *(transform @ (column + warp * (row == 20), row))
        )
        for row, column in points
    ]


def test_a_transform_and_a_system(tmp_path: Path) -> None:
    found = georeference_of(item(write(tmp_path / "a.tif", crs="EPSG:32631", transform=GRID)))
    assert found is not None
    assert found.transform == tuple(GRID)[:6]
    assert "32631" in found.crs


def test_ground_control_points_on_a_grid(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", crs="EPSG:32631", gcps=corners(GRID))
    found = georeference_of(item(path))
    assert found is not None
    np.testing.assert_allclose(found.transform, tuple(GRID)[:6], atol=1e-3)
    assert "32631" in found.crs


def test_ground_control_points_off_any_grid(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", crs="EPSG:32631", gcps=corners(GRID, warp=5))
    assert georeference_of(item(path)) is None
    assert "ground control points up to" in why_not_georeferenced(item(path))
    with pytest.raises(DataError, match=r"a: has ground control points .* off any grid, so"):
        count_for("20m", 2400, SHAPE, item(path))


@pytest.mark.parametrize(
    ("suffix", "world"),
    [(".jpg", ".jgw"), (".jpg", ".jpgw"), (".png", ".PGW"), (".tif", ".tfw"), (".jpg", ".wld")],
)
def test_a_world_file(tmp_path: Path, suffix: str, world: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(PIXELS).save(path)
    assert georeference_of(item(path)) is None
    lines = [10, 0, 0, -10, 500_005, 4_599_995]  # the last two: the first pixel's centre
    (tmp_path / f"a{world}").write_text("\n".join(map(str, lines)))
    assert georeference_of(item(path)) == Georeference("", tuple(GRID)[:6])


def test_what_gdal_writes_beside_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path)
    with rasterio.open(path, "r+") as file:
        file.crs, file.transform = "EPSG:32631", GRID
    assert (tmp_path / "a.png.aux.xml").is_file()
    found = georeference_of(item(path))
    assert found is not None
    assert found.transform == tuple(GRID)[:6]
    assert ImageFile(path).picture().valid is None


def test_a_system_without_a_grid_is_no_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", crs="EPSG:32631")
    assert georeference_of(item(path)) is None
    assert why_not_georeferenced(item(path)) == "names a reference system but no grid"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_on_its_side_lies_where_its_pixels_do(tmp_path: Path, orientation: int) -> None:
    path = write(tmp_path / "a.tif", crs="EPSG:32631", transform=GRID)
    with path.open("r+b") as file:
        content = bytearray(file.read())
        added = rewrite_with_orientation(content, orientation)
    path.write_bytes(added)
    found = georeference_of(item(path))
    seen = ImageFile(path).read()
    assert found is not None
    a, b, c, d, e, f = found.transform
    place = rasterio.Affine(a, b, c, d, e, f)
    for row, column in ((3, 5), (30, 11), (0, 0)):
        x, y = place @ (column + 0.5, row + 0.5)
        stored_column, stored_row = ~GRID @ (x, y)
        np.testing.assert_array_equal(
            seen[row, column], PIXELS[int(stored_row), int(stored_column)]
        )


def rewrite_with_orientation(content: bytearray, orientation: int) -> bytes:
    """Return a little-endian TIFF with its first directory moved to the end and a tag added."""
    import struct

    (start,) = struct.unpack_from("<I", content, 4)
    (n,) = struct.unpack_from("<H", content, start)
    entries = [bytes(content[start + 2 + 12 * i : start + 14 + 12 * i]) for i in range(n)]
    entries = [each for each in entries if struct.unpack_from("<H", each)[0] != 274]
    entries.append(struct.pack("<HHIHH", 274, 3, 1, orientation, 0))
    entries.sort(key=lambda each: struct.unpack_from("<H", each)[0])
    content += b"\0" * (len(content) % 2)
    struct.pack_into("<I", content, 4, len(content))
    return bytes(content + struct.pack("<H", len(entries)) + b"".join(entries) + b"\0" * 4)


@pytest.mark.parametrize(
    ("crs", "edge", "corner"),
    [
        ("EPSG:3857", 20.0, (1_000_000.0, 8_399_737.0)),  # about 60° north
        ("EPSG:4326", 1e-4, (9.0, 60.0)),
        ("EPSG:32632", 20.0, (500_000.0, 6_650_000.0)),
        ("EPSG:2263", 50.0, (980_000.0, 200_000.0)),  # New York, in feet
        ("EPSG:3035", 25.0, (4_321_000.0, 3_210_000.0)),  # of equal area
        ("EPSG:3413", 100.0, (0.0, -2_000_000.0)),  # polar
    ],
)
def test_metres_are_those_of_the_ground(
    tmp_path: Path, crs: str, edge: float, corner: tuple[float, float]
) -> None:
    import pyproj

    grid = rasterio.Affine(edge, 0, corner[0], 0, -edge, corner[1])
    path = write(tmp_path / "a.tif", crs=crs, transform=grid)
    system = pyproj.CRS(crs)
    degrees = pyproj.Transformer.from_crs(system, system.geodetic_crs, always_xy=True)
    outline = [(c, 0) for c in range(60)] + [(60, r) for r in range(40)]
    outline += [(60 - c, 40) for c in range(60)] + [(0, 40 - r) for r in range(40)]
    ground = degrees.transform(*np.array([grid @ point for point in outline]).T)
    area = abs(system.get_geod().polygon_area_perimeter(*ground)[0])
    found = georeference_of(item(path))
    assert found is not None
    assert mean_square_metres(found, SHAPE, item(path)) * 2400 == pytest.approx(area, rel=1e-4)
    size = (area / 50) ** 0.5
    assert count_for(f"{size:.6f}m", 2400, SHAPE, item(path)) == 50


def test_tables_and_rasters_of_images_with_and_without_a_place(
    tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    write(folder / "gcps.tif", crs="EPSG:32631", gcps=corners(GRID))
    write(folder / "off.tif", crs="EPSG:32631", gcps=corners(GRID, warp=5))
    Image.fromarray(PIXELS).save(folder / "plain.png")
    command("segment", dataset=str(folder), prior="none", method="grid", n_superpixels="6")
    outputs = str(tmp_path / "outputs")
    tables = tmp_path / "tables"
    assert export_run(ExportOptions(str(tables), "table", "csv", outputs=outputs)) == 0
    assert "off: is not georeferenced: has ground control points" in capsys.readouterr().err
    placed = pd.read_csv(tables / "table" / "6" / "gcps.csv")
    first = placed.iloc[0]
    x, y = GRID @ (first["column"] + 0.5, first["row"] + 0.5)
    np.testing.assert_allclose([first["x"], first["y"]], [x, y], atol=0.01)
    np.testing.assert_allclose(placed["area_m2"] / placed["area"], 100, rtol=2e-3)
    for name in ("off", "plain"):
        columns = pd.read_csv(tables / "table" / "6" / f"{name}.csv").columns
        assert not {"x", "y", "area_m2"} & {*columns}
    rasters = ExportOptions(str(tmp_path / "rasters"), "labels", "tiff", outputs=outputs)
    assert export_run(rasters) == 0
    with rasterio.open(tmp_path / "rasters" / "labels" / "6" / "gcps.tiff") as file:
        np.testing.assert_allclose(tuple(file.transform), tuple(GRID), atol=1e-3)
        assert file.crs.to_epsg() == 32631
