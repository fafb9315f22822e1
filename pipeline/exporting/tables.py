"""Tables and maps of polygons as the content of files."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spam_pipe.pipeline.datasets.images.georeference import Georeference
from spam_pipe.pipeline.exporting.formats import Form
from spam_pipe.pipeline.extras import require
from spam_pipe.stages.csv_cells import write_frame
from spam_pipe.stages.describe.polygons import Polygons, moved

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAYER = "superpixels"


def encode_table(frame: pd.DataFrame, form: Form) -> bytes:
    """Return a table as CSV or Parquet; equal tables give equal bytes."""
    content = io.BytesIO()
    if form == "parquet":
        frame.to_parquet(content, index=False)
    else:
        write_frame(frame, content)
    return content.getvalue()


def place_on_ground(outlines: Polygons, place: Georeference | None, form: Form) -> Polygons:
    """Bring polygons from pixels to the coordinates of a file.

    Those of the image's own reference system in a GeoPackage; longitude and latitude in GeoJSON,
    which knows no other (RFC 7946). An image without a reference keeps its pixels, one with a
    grid of an unknown system the grid's coordinates.
    """
    if place is None:
        return outlines
    placed = moved(outlines, place.transform)
    if form != "geojson" or not place.crs:
        return placed
    require("pyproj", "geo", "--format geojson of georeferenced images")
    import shapely
    from pyproj import Transformer

    to_degrees = Transformer.from_crs(place.crs, "OGC:CRS84", always_xy=True)

    def project(points: "NDArray[np.float64]") -> "NDArray[np.float64]":
        return np.stack(to_degrees.transform(points[:, 0], points[:, 1]), axis=1)

    projected = shapely.orient_polygons(shapely.transform(placed, project))
    return np.asarray(projected, np.object_)


def encode_polygons(frame: pd.DataFrame, outlines: Polygons, crs: str | None, form: Form) -> bytes:
    """Return polygons with their table as a GeoPackage or GeoJSON.

    Parameters
    ----------
    frame
        A row per polygon.
    outlines
        (n,) polygons in the file's coordinates.
    crs
        Reference system of a GeoPackage's coordinates, as WKT; None for pixels.
    form
        ``gpkg`` or ``geojson``.

    Returns
    -------
    The file; equal polygons give equal bytes.
    """
    if form == "geojson":
        return _encode_geojson(frame, outlines)
    import geopandas

    content = io.BytesIO()
    with _fixed_date(), warnings.catch_warnings():
        # Pixels have no reference system, and that is meant.
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        geopandas.GeoDataFrame(frame, geometry=outlines, crs=crs).to_file(
            content, driver="GPKG", layer=LAYER, engine="pyogrio"
        )
    return content.getvalue()


def _encode_geojson(frame: pd.DataFrame, outlines: Polygons) -> bytes:
    import shapely

    rows = frame.to_json(orient="records", lines=True, double_precision=15).splitlines()
    shapes = shapely.to_geojson(outlines).tolist()
    features = ",\n".join(
        f'{{"type":"Feature","properties":{row},"geometry":{shape}}}'
        for row, shape in zip(rows, shapes, strict=True)
    )
    return f'{{"type":"FeatureCollection","features":[\n{features}\n]}}\n'.encode()


@contextmanager
def _fixed_date() -> Iterator[None]:
    """Have GDAL write the same date always, so that equal maps give equal bytes."""
    import pyogrio

    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
