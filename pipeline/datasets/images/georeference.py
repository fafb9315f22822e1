"""The georeference of an image, as GDAL knows it, read by rasterio."""

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.images.cubes import envi_data
from spam_pipe.pipeline.datasets.images.image_file import ImageFile, stored_orientation
from spam_pipe.pipeline.datasets.images.kinds import ENVI, PICTURE, TIFF, kind_of
from spam_pipe.pipeline.datasets.images.orientation import swaps_axes, walked_back
from spam_pipe.pipeline.datasets.images.sidecar_xml import xml_beside
from spam_pipe.pipeline.datasets.images.tiff import has_ground_tags
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.extras import require
from spam_pipe.pipeline.items import Item

_XML_SIGNS = re.compile(rb"<(SRS|GeoTransform|GCPList)\b")
_MAP_INFO = re.compile(rb"^\s*map info\s*=", re.MULTILINE | re.IGNORECASE)
_OFF_A_GRID = 0.5
"""Largest residual in pixels of ground control points on the grid fitted to them."""


@dataclass(frozen=True)
class Georeference:
    """The grid of a georeferenced image.

    Attributes
    ----------
    crs
        The coordinate reference system as WKT; empty where the file has a grid but does not say
        of which system.
    transform
        (a, b, c, d, e, f): the upper left corner of the pixel at (row, column) of the image as it
        is seen lies at x = a · column + b · row + c and y = d · column + e · row + f.
    """

    crs: str
    transform: tuple[float, float, float, float, float, float]


def georeference_of(item: Item) -> Georeference | None:
    """Return the georeference of an item's image; None without one, or without a grid.

    Raises
    ------
    DataError
        When the image is georeferenced, and rasterio, which reads that, is not installed.
    """
    found = _found(item)
    return found if isinstance(found, Georeference) else None


def why_not_georeferenced(item: Item) -> str:
    """Return why an image's ground metadata give no georeference; empty where they do."""
    found = _found(item)
    return found if isinstance(found, str) else ""


def square_metres(
    reference: Georeference, columns: NDArray[Any], rows: NDArray[Any], item: Item
) -> NDArray[np.float64]:
    """Return the ground area of the pixels around some positions.

    Geodesic, on the ellipsoid of the reference system: the metres of a projection are longer or
    shorter than the ground's, those of Web Mercator twice as long at 60° north.

    Parameters
    ----------
    reference, item
        Where the image lies; what an error names.
    columns, rows
        (n,) places; whole numbers are upper left corners of pixels.

    Returns
    -------
    (n,) square metres; NaN outside of what the projection shows.

    Raises
    ------
    DataError
        When the reference system can't be read, or is of no place on Earth.
    """
    require("pyproj", "geo", "areas on the ground")
    from pyproj import CRS, Transformer
    from pyproj.exceptions import CRSError, ProjError

    try:
        crs = CRS.from_wkt(reference.crs).to_2d()
        ellipsoid, degrees = crs.get_geod(), crs.geodetic_crs
        if ellipsoid is None or degrees is None:
            raise CRSError("it is of no place on Earth")
        to_degrees = Transformer.from_crs(crs, degrees, always_xy=True)
    except (CRSError, ProjError) as error:
        raise DataError(
            f"{item.id}: its coordinate reference system gives no metres on the ground; write it "
            "again, or give sizes in pixels"
        ) from error
    a, b, c, d, e, f = reference.transform

    def place(column: NDArray[Any], row: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        return to_degrees.transform(a * column + b * row + c, d * column + e * row + f)  # type: ignore[no-any-return]

    sides = []
    for across, down in ((0.5, 0.0), (0.0, 0.5)):
        one, other = place(columns - across, rows - down), place(columns + across, rows + down)
        there = np.isfinite([*one, *other]).all(axis=0)
        seen = [np.where(there, each, 0.0) for each in (*one, *other)]
        azimuth, _, length = ellipsoid.inv(*seen)
        sides.append((np.radians(azimuth), np.where(there, length, np.nan)))
    (across_at, width), (down_at, height) = sides
    return np.asarray(width * height * np.abs(np.sin(across_at - down_at)), np.float64)


def mean_square_metres(reference: Georeference, shape: tuple[int, int], item: Item) -> float:
    """Return the mean area of an image's pixels on the ground (see `square_metres`)."""
    height, width = shape
    columns, rows = (
        (np.arange(n) + 0.5) * length / n for n, length in ((_SAMPLES, width), (_SAMPLES, height))
    )
    places = np.meshgrid(columns, rows)
    areas = square_metres(reference, places[0].ravel(), places[1].ravel(), item)
    if not np.isfinite(areas).any():
        raise DataError(f"{item.id}: lies outside of what its projection shows; write it again")
    return float(np.nanmean(areas))


_SAMPLES = 16


def _found(item: Item) -> Georeference | str | None:
    image = item.image
    if not isinstance(image, ImageFile) or image.path.is_dir():
        return None
    files = (image.path, xml_beside(image.path), *_world_files(image.path))
    changed = tuple(_stamp(path) for path in files)
    return _read(image.path, changed)


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _world_files(path: Path) -> list[Path]:
    """Return the possible world files: ``.jgw`` or ``.jpgw`` beside ``.jpg``, or ``.wld``."""
    suffix = path.suffix[1:]
    short = [f"{suffix[0]}{suffix[-1]}w"] if suffix else []
    names = [*short, f"{suffix}w", "wld"]
    cased = [case for name in names for case in (name.lower(), name.upper())]
    return [path.with_suffix(f".{name}") for name in dict.fromkeys(cased)]


def _says_something(path: Path) -> bool:
    kind = kind_of(path)
    if kind == TIFF and has_ground_tags(path):
        return True
    if kind == ENVI:
        return bool(_MAP_INFO.search(path.read_bytes()[: 2**22]))
    if kind not in (TIFF, PICTURE):
        return False
    xml = xml_beside(path)
    if xml.is_file() and _XML_SIGNS.search(xml.read_bytes()[: 2**24]):
        return True
    return any(file.is_file() for file in _world_files(path))


@lru_cache(maxsize=32)
def _read(path: Path, changed: tuple[int, ...]) -> Georeference | str | None:
    if not _says_something(path):
        return None
    rasterio = _rasterio(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            # GDAL opens a cube of ENVI's by its numbers and finds the header beside them.
            shown = envi_data(path) if kind_of(path) == ENVI else path
            with rasterio.open(shown) as file:
                crs = "" if file.crs is None else str(file.crs.to_wkt())
                transform, size = file.transform, (file.height, file.width)
                points, system = file.gcps
                has_rpcs = file.rpcs is not None
    except rasterio.errors.RasterioError as error:
        raise DataError(f"{path}: its georeference cannot be read; write it again") from error
    if transform.is_identity:
        if not points:
            return "has rational polynomial coefficients but no grid" * has_rpcs or (
                "names a reference system but no grid" if crs else None
            )
        crs = "" if system is None else str(system.to_wkt())
        transform = rasterio.transform.from_gcps(points)
        if (off := _off_grid(transform, points)) > _OFF_A_GRID:
            return f"has ground control points up to {off:.3g} pixels off any grid"
    stored = _stored_from_seen(stored_orientation(path), size)
    seen = np.reshape(tuple(transform), (3, 3)) @ np.vstack([stored, (0.0, 0.0, 1.0)])
    a, b, c, d, e, f = seen[:2].ravel().tolist()
    return Georeference(crs, (a, b, c, d, e, f))


def _off_grid(transform: Any, points: Any) -> float:
    """Return the largest residual of ground control points on a grid, in pixels."""
    back = np.linalg.inv(np.reshape(tuple(transform), (3, 3)))
    places = back @ np.array([(point.x, point.y, 1.0) for point in points]).T
    wanted = np.array([(point.col, point.row) for point in points]).T
    return float(np.abs(places[:2] - wanted).max())


def _stored_from_seen(
    orientation: int, size: tuple[int, int]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the affine map from upright columns and rows to stored ones.

    GDAL knows nothing of the tag Orientation: its grid is that of the stored pixels.
    """
    height, width = size
    rows_back, columns_back = walked_back(orientation)
    column = [0.0, 1.0, 0.0] if swaps_axes(orientation) else [1.0, 0.0, 0.0]
    row = [1.0, 0.0, 0.0] if swaps_axes(orientation) else [0.0, 1.0, 0.0]
    if columns_back:
        column = [-column[0], -column[1], float(width)]
    if rows_back:
        row = [-row[0], -row[1], float(height)]
    return tuple(column), tuple(row)


def _rasterio(path: Path) -> Any:
    try:
        import rasterio
        import rasterio.transform
    except ImportError as error:
        raise DataError(
            f"{path}: its georeference takes rasterio to read: pip install 'spam-pipe[geo]'"
        ) from error
    return rasterio
