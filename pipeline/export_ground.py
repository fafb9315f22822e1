"""Label maps as GeoTIFF, on the grid of the image that they are of."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.datasets.georeference import Georeference


def encode_geotiff(
    labels: NDArray[np.unsignedinteger[Any]], place: Georeference, nodata: int | None = None
) -> bytes:
    """Return a label map as a GeoTIFF, deflated.

    Parameters
    ----------
    labels
        (H, W) uint16 or uint32.
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
        ) as file:
            file.write(labels, 1)
        return bytes(memory.read())
