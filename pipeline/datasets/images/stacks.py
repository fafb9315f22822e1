"""Images and planes that the files of a folder hold."""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Literal

from spam_pipe.pipeline.datasets.images.kinds import DICOM, TIFF, ZARR, kind_of
from spam_pipe.pipeline.datasets.images.planes import MOST_PLANES, Lengths, plane_names
from spam_pipe.pipeline.datasets.images.tiff import is_ome_tiff, n_series, tiff_planes
from spam_pipe.pipeline.errors import DataError

Which = Literal["all", "first"] | None

Part = tuple[str | None, str | None]
"""Name of an image in a file and of its plane; None where there is only one."""


def parts_of(path: Path, which: Which) -> list[Part]:
    """Return the images and planes of a file that become items.

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
        return [(None, None)]
    try:
        found = [*_parts(path, every_kind=which == "all")]
    except DataError:
        return [(None, None)]
    return found if len(found) <= MOST_PLANES else [(None, None)]


def part_name(part: Part) -> str:
    """Return the part's name as the item's id ends with it: ``#0#z3``."""
    return "".join(f"#{each}" for each in part if each is not None)


def _parts(path: Path, every_kind: bool) -> Iterator[Part]:
    for series in _series(path, every_kind):
        lengths = _lengths(path, series, every_kind)
        if 1 < prod(lengths.values()) <= MOST_PLANES:
            yield from ((series, plane) for plane in plane_names(lengths))
        else:
            yield series, None


def _series(path: Path, every_kind: bool) -> list[str | None]:
    """Return the names of the images of a file; None stands for its only one."""
    if path.suffix.lower() == ".zarr":
        from spam_pipe.pipeline.datasets.images.ome_zarr import ome_zarr_series

        names = ome_zarr_series(path)
        return [*names] if len(names) > 1 else [None]
    if is_ome_tiff(path) or (every_kind and kind_of(path) == TIFF):
        n = n_series(path)
        return [str(number) for number in range(n)] if n > 1 else [None]
    return [None]


def _lengths(path: Path, series: str | None, every_kind: bool) -> Lengths:
    kind = ZARR if path.suffix.lower() == ".zarr" else kind_of(path) if every_kind else ""
    if kind == ZARR:
        from spam_pipe.pipeline.datasets.images.ome_zarr import ome_zarr_planes, ome_zarr_series

        inner = series or next(iter(ome_zarr_series(path)), None)
        return ome_zarr_planes(path, inner)
    if kind == TIFF or is_ome_tiff(path):
        return tiff_planes(path, int(series or 0))
    if kind == DICOM:
        from spam_pipe.pipeline.datasets.images.dicom import dicom_planes

        return dicom_planes(path)
    return {}
