"""Label maps as GeoTIFF, on the grid of the image that they are of."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.datasets.georeference import Georeference

_TILE = 512
_LARGEST_UNTILED = 4_000_000


def encode_geotiff(
    labels: NDArray[np.integer[Any]], place: Georeference, nodata: int | None = None
) -> bytes:
    """Return a label map as a GeoTIFF, deflated.

    Parameters
    ----------
    labels
        (H, W) uint16 or uint32. Above four megapixels they are stored in tiles.
    place
        Grid and reference system of the image, which become the labels'.
    nodata
        The label that stands for no data.

    Returns
    -------
    The file; equal maps give equal bytes.
    """
    import rasterio

    height, width = labels.shape
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=height,
            width=width,
            count=1,
            dtype=labels.dtype.name,
            crs=rasterio.CRS.from_wkt(place.crs) if place.crs else None,
            transform=rasterio.Affine(*place.transform),
            nodata=nodata,
            compress="deflate",
            predictor=2,
            **_tiles(labels.size),
        ) as file:
            file.write(labels, 1)
        return bytes(memory.read())


def _tiles(n_pixels: int) -> dict[str, Any]:
    """Viewers of large images read the tiles in sight alone."""
    if n_pixels <= _LARGEST_UNTILED:
        return {}
    return {"tiled": True, "blockxsize": _TILE, "blockysize": _TILE}
