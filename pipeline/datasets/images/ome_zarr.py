"""Planes of OME-Zarr images (the specifications 0.4 and 0.5 of OME-NGFF)."""

from pathlib import Path
from typing import Any

import numpy as np

from spam_pipe.pipeline.datasets.guards.limits import check_packing, check_size
from spam_pipe.pipeline.datasets.guards.zarr_chunks import check_chunks
from spam_pipe.pipeline.datasets.images.bands import Reading, Samples
from spam_pipe.pipeline.datasets.images.planes import Lengths, check_plane
from spam_pipe.pipeline.errors import DataError

_METADATA = ("zarr.json", ".zattrs")


def is_ome_zarr(folder: Path) -> bool:
    """Say whether a folder is an OME-Zarr image."""
    if folder.suffix.lower() != ".zarr":
        return False
    for name in _METADATA:
        try:
            if b'"multiscales"' in (folder / name).read_bytes():
                return True
        except OSError:
            continue
    return False


def ome_zarr_planes(path: Path) -> Lengths:
    """Return the axes along which planes are counted, channels aside, and how many there are."""
    _, axes, shape = _opened(path)
    lengths = zip(axes, shape, strict=True)
    return {axis: n for axis, n in lengths if axis not in ("c", "y", "x")}


def read_ome_zarr(path: Path, reading: Reading, plane: str | None) -> Samples:
    """Read one plane at full resolution; its channels become bands.

    Raises
    ------
    DataError
        When it can't be read, is too large or has no such plane.
    """
    array, axes, shape = _opened(path)
    sizes = dict(zip(axes, shape, strict=True))
    if not {"y", "x"} <= sizes.keys():
        raise DataError(f"{path}: has the axes {' '.join(axes)}; an image has y and x")
    counted = {axis: n for axis, n in sizes.items() if axis not in ("c", "y", "x")}
    chosen = check_plane(plane, counted, path)
    bytes_each = array.dtype.itemsize * sizes.get("c", 1)
    check_size(path, sizes["y"], sizes["x"], reading.max_pixels, bytes_each)
    n_pixels = sizes["y"] * sizes["x"]
    check_packing(path, n_pixels * bytes_each, n_pixels * (2 * bytes_each + 4))
    try:
        check_chunks(array, path / array.path, [chosen.get(axis) for axis in axes])
        values = np.asarray(array[tuple(chosen.get(axis, slice(None)) for axis in axes)])
    except Exception as error:  # a codec may fail in any way on a damaged chunk
        raise _unreadable(path, error) from error
    kept = [axis for axis in axes if axis not in chosen]
    order = [kept.index(axis) for axis in ("y", "x", "c") if axis in kept]
    values = values.transpose(order)
    return Samples(values if values.ndim == 3 else values[..., np.newaxis])


def _opened(path: Path) -> tuple[Any, list[str], tuple[int, ...]]:
    """Return the array of the finest resolution, its axes and its shape."""
    import zarr

    try:
        group = zarr.open_group(str(path), mode="r")
        attributes: Any = group.attrs.asdict()
        image = attributes.get("ome", attributes)["multiscales"][0]
        array: Any = group[image["datasets"][0]["path"]]
        shape = tuple(int(n) for n in array.shape)
        named = image.get("axes", "tczyx"[-len(shape) :])
        axes = [str(axis["name"] if isinstance(axis, dict) else axis).lower() for axis in named]
        if len(axes) != len(shape):
            raise ValueError(f"{len(axes)} axes, {len(shape)} dimensions")
    except Exception as error:  # whatever is damaged or missing
        raise _unreadable(path, error) from error
    return array, axes, shape


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    return DataError(
        f"{path}: is not an OME-Zarr image that can be read ({reason}); write it again"
    )
