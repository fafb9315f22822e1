"""Which planes the files of a folder hold."""

from math import prod
from pathlib import Path
from typing import Literal

from spam_pipe.pipeline.datasets.images.image_file import DICOM_SUFFIXES
from spam_pipe.pipeline.datasets.images.planes import MOST_PLANES, Lengths, plane_names
from spam_pipe.pipeline.datasets.images.tiff import is_ome_tiff, is_tiff, tiff_planes
from spam_pipe.pipeline.errors import DataError

Which = Literal["all", "first"] | None


def stack_planes(path: Path, which: Which) -> list[str | None]:
    """Return the names of the planes that a file is taken for; None stands for its only one.

    Nothing but OME files is opened unless all planes are asked for. A file that can't be read
    counts as one plane, which then fails alone.

    Parameters
    ----------
    path
        The file, or the folder of an OME-Zarr image.
    which
        ``all``, ``first``, or None for all planes of OME files and the first of others.
    """
    if which == "first":
        return [None]
    try:
        lengths = _lengths(path, every_kind=which == "all")
    except DataError:
        return [None]
    if not 1 < prod(lengths.values()) <= MOST_PLANES:
        return [None]
    return [*plane_names(lengths)]


def _lengths(path: Path, every_kind: bool) -> Lengths:
    suffix = path.suffix.lower()
    if suffix == ".zarr":
        from spam_pipe.pipeline.datasets.images.ome_zarr import ome_zarr_planes

        return ome_zarr_planes(path)
    if is_ome_tiff(path) or (every_kind and is_tiff(path)):
        return tiff_planes(path)
    if every_kind and suffix in DICOM_SUFFIXES:
        from spam_pipe.pipeline.datasets.images.dicom import dicom_planes

        return dicom_planes(path)
    return {}
