"""Exported tables, graphs, polygons and layers, read back with what their users read them with."""

from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

from spam_pipe.pipeline.commands.export import export_run
from spam_pipe.pipeline.commands.items import run_items
from spam_pipe.pipeline.errors import ConfigError, UserError
from spam_pipe.pipeline.exporting.formats import choose_format, file_name
from spam_pipe.pipeline.exporting.tables import encode_polygons
from spam_pipe.pipeline.extras import require
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.session.other_options import ExportOptions
from spam_pipe.stages.describe.graph import graph
from spam_pipe.stages.describe.networks import to_networkx, to_torch_geometric
from spam_pipe.stages.describe.polygons import polygons
from spam_pipe.stages.describe.table import table
from tests.conftest import draw_images

PIXEL = 10.0
"""Metres that a pixel of the maps has."""


class Exported:
    """A run of which anything can be exported."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.outputs = str(folder / "outputs")
        given = {"prior": "gradient", "device": "cpu", "outputs": self.outputs, **options}
        assignments = ["segment.network=none"]
        assert run_items("segment", Options(assignments=assignments, quiet=True, **given)) == 0

    def __call__(
        self, to: str, what: Any, form: Any = None, counts: str | None = None, **options: Any
    ) -> Path:
        target = self.folder / to
        given = {"outputs": self.outputs, "n_superpixels": counts, **options}
        assert export_run(ExportOptions(str(target), what, form, as_json=True, **given)) == 0
        return target / what

    def labels(self, item: str, count: int) -> np.ndarray:
        _, run = open_existing_run(self.outputs, None)
        link = build_chain(run.config, run.folder)["segment"]
        made = link.store.read(item, count)[1]
        start = made.attributes.get("start_label", 0)
        return made.arrays["labels"] + np.uint16(1 - start)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Two photos, at K = 6 and 12."""
    folder = tmp_path_factory.mktemp("photos")
    draw_images(folder / "drawn", 2)
    return Exported(folder, dataset=str(folder / "drawn/images"), n_superpixels="6,12")


def write_map(path: Path, epsg: int | None, left: float) -> None:
    """Write four bands of 16 bits with a corner without data."""
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    bands = np.random.default_rng(0).integers(1, 4000, (4, 6, 8), dtype=np.uint16)
    bands = np.kron(bands, np.ones((1, 5, 5), np.uint16))
    bands[:, :10, :15] = 0
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=30,
        width=40,
        count=4,
        dtype="uint16",
        nodata=0,
        crs=None if epsg is None else f"EPSG:{epsg}",
        transform=rasterio.Affine(PIXEL, 0, left, 0, -PIXEL, 5_400_000),
    ) as file:
        file.write(bands)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Two tiles of a map side by side, at K = 12."""
    folder = tmp_path_factory.mktemp("maps")
    (folder / "tiles").mkdir()
    write_map(folder / "tiles/east.tif", 32631, 500_400)
    write_map(folder / "tiles/west.tif", 32631, 500_000)
    return Exported(folder, dataset=str(folder / "tiles"), n_superpixels="12", bands="3,2,1")


def test_a_table_has_a_row_per_superpixel(photos: Exported, tmp_path: Path) -> None:
    folder = photos("table", "table")
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.csv"))]
    assert names == ["12/000.csv", "12/001.csv", "6/000.csv", "6/001.csv"]
    found = pd.read_csv(folder / "12/001.csv", dtype={"image": str})
    labels = photos.labels("001", 12)
    image = np.asarray(Image.open(photos.folder / "drawn/images/001.png"))
    expected = table(labels, image, start_label=1)
    assert (found["image"] == "001").all()
    assert (found["object"] >= 1).any()
    pd.testing.assert_frame_equal(
        found.drop(columns=["image", "object"]), expected, check_exact=False, rtol=1e-12
    )


def test_one_file_holds_all_images(photos: Exported) -> None:
    folder = photos("together", "table", one_file=True)
    assert sorted(path.name for path in folder.iterdir()) == ["12.csv", "6.csv"]
    found = pd.read_csv(folder / "12.csv", dtype={"image": str})
    assert found.groupby("image")["area"].sum().to_dict() == {"000": 2400, "001": 2400}
    assert found.groupby("image")["id"].count().to_dict() == {"000": 12, "001": 12}


def test_parquet_holds_what_csv_holds(photos: Exported) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra parquet")
    path = photos("parquet", "table", "parquet") / "6/000.parquet"
    found = pd.read_parquet(path)
    written = pd.read_csv(photos("csv", "table", "csv") / "6/000.csv", dtype={"image": str})
    pd.testing.assert_frame_equal(found, written, check_dtype=False)


def test_a_graph_has_nodes_and_edges(photos: Exported) -> None:
    folder = photos("graph", "graph")
    assert len([*folder.rglob("*.csv")]) == 8
    nodes = pd.read_csv(folder / "12/000.nodes.csv", dtype={"image": str})
    edges = pd.read_csv(folder / "12/000.edges.csv", dtype={"image": str})
    labels = photos.labels("000", 12)
    made = to_networkx(nodes, edges.drop(columns="image"))
    assert networkx.is_connected(made)
    assert sum(area for _, area in made.nodes(data="area")) == labels.size
    image = np.asarray(Image.open(photos.folder / "drawn/images/000.png"))
    expected = graph(labels, image, start_label=1)
    pd.testing.assert_frame_equal(edges[[*expected.columns]], expected, rtol=1e-12)
    if "contour" in edges:
        assert edges["contour"].between(0, 1).all()


def test_exported_edges_are_what_torch_geometric_takes(photos: Exported) -> None:
    pytest.importorskip("torch_geometric", reason="needs the extra graph")
    folder = photos("graph", "graph")
    nodes, edges = (pd.read_csv(folder / f"6/001.{part}.csv") for part in ("nodes", "edges"))
    made = to_torch_geometric(nodes, edges)
    made.validate(raise_on_error=True)
    assert (made.num_nodes, made.num_edges) == (6, 2 * len(edges))
    assert made.edge_attr.shape[1] == len(edges.columns) - 3


def test_polygons_of_a_photo_are_in_pixels(photos: Exported) -> None:
    geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
    path = photos("polygons", "polygons") / "12/000.gpkg"
    found = geopandas.read_file(path, layer="superpixels")
    assert found.crs is None
    assert found.total_bounds.tolist() == [0, 0, 60, 40]
    np.testing.assert_array_equal(found.geometry.area, found["area"])
    assert shapely.coverage_is_valid(found.geometry.to_numpy())
    labels = photos.labels("000", 12)
    touching = found.sjoin(found, predicate="touches")
    pairs = {
        (left, right)
        for left, right in zip(touching["id_left"], touching["id_right"], strict=True)
        if found.geometry[left - 1].intersection(found.geometry[right - 1]).length
    }
    edges = graph(labels, start_label=1)
    forward = set(zip(edges["source"], edges["target"], strict=True))
    assert pairs == forward | {(b, a) for a, b in forward}


@pytest.mark.parametrize("form", ["gpkg", "geojson"])
def test_superpixels_in_parts_and_whole_ones_share_a_file(form: Any, tmp_path: Path) -> None:
    geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
    labels = np.array([[0, 0, 1], [1, 1, 0], [2, 2, 2]])
    path = tmp_path / f"parts.{form}"
    path.write_bytes(encode_polygons(table(labels), polygons(labels), None, form))
    found = geopandas.read_file(path)
    assert found.geometry.area.tolist() == [3, 3, 3]
    assert shapely.get_num_geometries(found.geometry).tolist() == [2, 2, 1]


def test_geojson_needs_no_extra_and_reads_back(photos: Exported) -> None:
    path = photos("geojson", "polygons", "geojson") / "12/000.geojson"
    shapes = shapely.get_parts(shapely.from_geojson(path.read_text()))
    areas = np.bincount(photos.labels("000", 12).ravel())[1:]
    assert shapely.area(shapes).tolist() == areas.tolist()
    geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
    found = geopandas.read_file(path)
    assert found["id"].tolist() == [*range(1, 13)]
    assert found["mean_red"].between(0, 255).all()


def test_simplified_polygons_leave_no_gap(photos: Exported) -> None:
    exact, simple = (
        shapely.from_geojson(
            (
                photos(f"simple{detail}", "polygons", "geojson", simplify=detail) / "12/001.geojson"
            ).read_text()
        )
        for detail in (0.0, 3.0)
    )
    parts = shapely.get_parts(simple)
    assert shapely.coverage_is_valid(parts)
    assert shapely.area(parts).sum() == pytest.approx(2400)
    assert shapely.get_num_coordinates(simple) < shapely.get_num_coordinates(exact)


def test_equal_exports_are_equal_bytes(photos: Exported) -> None:
    for what, form in (("polygons", "geojson"), ("table", "csv")):
        one, two = (photos(f"{name}-{what}", what, form) for name in ("one", "two"))
        for path in (path for path in one.rglob("*") if path.is_file()):
            assert path.read_bytes() == (two / path.relative_to(one)).read_bytes()


def test_mean_colours_are_painted(photos: Exported) -> None:
    painted = np.asarray(Image.open(photos("mean", "mean-colours") / "6/000.png"))
    image = np.asarray(Image.open(photos.folder / "drawn/images/000.png"))
    inside = photos.labels("000", 6) == 3
    expected = np.rint(image[inside].mean(axis=0))
    np.testing.assert_array_equal(painted[inside], np.tile(expected, (inside.sum(), 1)))


def test_labels_of_a_map_are_a_geotiff_on_its_grid(maps: Exported) -> None:
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    with (
        rasterio.open(maps("labels", "labels", "tiff") / "12/west.tiff") as labels,
        rasterio.open(maps.folder / "tiles/west.tif") as image,
    ):
        assert labels.crs == image.crs
        assert labels.transform == image.transform
        assert labels.nodata == 0
        np.testing.assert_array_equal(labels.read(1), maps.labels("west", 12))
        np.testing.assert_array_equal(labels.read(1) > 0, image.read_masks(1) > 0)


def test_polygons_of_a_map_lie_on_the_ground(maps: Exported) -> None:
    geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
    found = geopandas.read_file(maps("polygons", "polygons", one_file=True) / "12.gpkg")
    assert found.crs.to_epsg() == 32631
    assert found.total_bounds.tolist() == [500_000, 5_399_700, 500_800, 5_400_000]
    np.testing.assert_allclose(found.geometry.area, found["area"] * PIXEL**2)
    assert found.groupby("image")["area"].sum().to_dict() == {"east": 1050, "west": 1050}
    for _, tile in found.groupby("image"):
        assert shapely.coverage_is_valid(tile.geometry.to_numpy())
    centers = found.geometry.centroid
    np.testing.assert_allclose(np.c_[centers.x, centers.y], found[["x", "y"]])
    assert found["id"].min() == 1


def test_geojson_of_a_map_is_in_degrees(maps: Exported) -> None:
    geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
    found = geopandas.read_file(maps("geojson", "polygons", "geojson") / "12/west.geojson")
    assert found.crs.to_epsg() == 4326
    back = found.to_crs(32631)
    np.testing.assert_allclose(back.geometry.area, found["area"] * PIXEL**2, rtol=1e-6)
    assert shapely.is_ccw(shapely.get_exterior_ring(shapely.get_parts(found.geometry))).all()


def test_a_maps_bands_are_those_of_the_file(maps: Exported) -> None:
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    found = pd.read_csv(maps("table", "table") / "12/east.csv")
    with rasterio.open(maps.folder / "tiles/east.tif") as file:
        bands = file.read()
    inside = maps.labels("east", 12) == 5
    row = found[found["id"] == 5].iloc[0]
    assert row["mean_band_4"] == pytest.approx(bands[3][inside].mean())
    assert row["std_band_1"] == pytest.approx(bands[0][inside].std())
    assert "lab_l" in found


def test_mean_colours_are_transparent_without_data(maps: Exported) -> None:
    painted = np.asarray(Image.open(maps("mean", "mean-colours") / "12/west.png"))
    np.testing.assert_array_equal(painted[..., 3] > 0, maps.labels("west", 12) > 0)


def test_maps_of_different_systems_do_not_go_into_one_file(tmp_path: Path) -> None:
    (tmp_path / "tiles").mkdir()
    write_map(tmp_path / "tiles/a.tif", 32631, 500_000)
    write_map(tmp_path / "tiles/b.tif", 32632, 500_000)
    mixed = Exported(tmp_path, dataset=str(tmp_path / "tiles"), n_superpixels="4", bands="1")
    said = r"a is in EPSG:32631, b in EPSG:32632.*leave --one-file out"
    with pytest.raises(ConfigError, match=said):
        mixed("refused", "polygons", one_file=True)
    assert len([*mixed("each", "polygons").rglob("*.gpkg")]) == 2
    assert len([*mixed("degrees", "polygons", "geojson", one_file=True).iterdir()]) == 1


@pytest.mark.parametrize(
    ("what", "form", "said"),
    [
        ("table", "png", "--what table --format png: choose csv or parquet"),
        ("polygons", "coco", "choose gpkg or geojson"),
        ("overlays", "tiff", "--what overlays --format tiff: choose png"),
        ("napari", "tiff", "choose ome-zarr"),
    ],
)
def test_a_format_that_cannot_hold_it_is_refused(what: Any, form: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        choose_format(what, form)


def test_a_missing_package_is_named_with_its_extra() -> None:
    said = r"--format parquet needs no_such_package: pip install 'spam-pipe\[parquet\]'"
    with pytest.raises(ConfigError, match=said):
        require("no_such_package", "parquet", "--format parquet")


@pytest.mark.parametrize(
    ("what", "options", "said"),
    [
        ("table", {"simplify": 2.0}, "--simplify goes with --what polygons, not with table"),
        ("polygons", {"simplify": -1.0, "form": "geojson"}, "at least 0"),
        ("labels", {"one_file": True}, "--one-file goes with --what table, graph, polygons"),
        ("napari", {"deep_features": True}, "--deep-features goes with"),
        ("table", {"deep_features": True}, "was made without a network"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    photos: Exported, what: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        photos("refused", what, **options)


def test_names_stay_inside_the_folder() -> None:
    assert file_name("../a/./b.jpg", ".csv", 12) == "12/a/b.jpg.csv"
    assert file_name("x", ".ome.zarr") == "x.ome.zarr"
