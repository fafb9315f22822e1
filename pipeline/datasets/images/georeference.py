"""Where on the ground an image lies."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.datasets.images.tiff import is_georeferenced, is_tiff
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Item


@dataclass(frozen=True)
class Georeference:
    """The grid of a georeferenced image.

    Attributes
    ----------
    crs
        The coordinate reference system as WKT; empty where the file has a grid but does not say
        of which system.
    transform
        (a, b, c, d, e, f): the upper left corner of the pixel at (row, column) lies at
        x = a · column + b · row + c and y = d · column + e · row + f.
    """

    crs: str
    transform: tuple[float, float, float, float, float, float]


def georeference_of(item: Item) -> Georeference | None:
    """Return where an item's image lies; None where nothing says so.

    Raises
    ------
    DataError
        When the image is georeferenced, and rasterio, which reads that, is not installed.
    """
    image = item.image
    if not isinstance(image, ImageFile) or not is_tiff(image.path):
        return None
    if not is_georeferenced(image.path):
        return None
    rasterio = _rasterio(image.path)
    try:
        with rasterio.open(image.path) as file:
            crs = "" if file.crs is None else str(file.crs.to_wkt())
            a, b, c, d, e, f = (float(each) for each in tuple(file.transform)[:6])
    except rasterio.errors.RasterioError as error:
        raise DataError(f"{image.path}: its georeference cannot be read; write it again") from error
    return Georeference(crs, (a, b, c, d, e, f))


def metres_per_unit(reference: Georeference, item: Item) -> float:
    """Return how many metres a unit of an item's coordinates has.

    Raises
    ------
    DataError
        When they are degrees, or of no system that can be read.
    """
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    try:
        crs = CRS.from_wkt(reference.crs)
    except CRSError as error:
        raise DataError(
            f"{item.id}: its coordinate reference system cannot be read; write it again"
        ) from error
    if not crs.is_projected:
        raise DataError(
            f"{item.id}: its coordinates are degrees, in which a pixel has no size in metres; "
            "reproject it (gdalwarp -t_srs EPSG:…), or give the size in pixels, such as "
            "--superpixel-size 20"
        )
    return float(crs.linear_units_factor[1])


def _rasterio(path: Path) -> Any:
    try:
        import rasterio
    except ImportError as error:
        raise DataError(
            f"{path}: its georeference takes rasterio to read: pip install 'spam-pipe[geo]'"
        ) from error
    return rasterio
