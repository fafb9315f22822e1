"""Planes of OME-Zarr images (the specifications 0.4 and 0.5 of OME-NGFF)."""

from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from spam_pipe.pipeline.datasets.guards.limits import check_packing, check_size
from spam_pipe.pipeline.datasets.guards.zarr_chunks import check_chunks
from spam_pipe.pipeline.datasets.images.bands import Reading, Samples
from spam_pipe.pipeline.datasets.images.planes import Lengths, check_plane
from spam_pipe.pipeline.errors import DataError

_METADATA = ("zarr.json", ".zattrs")
_KINDS = (b'"multiscales"', b'"bioformats2raw.layout"', b'"plate"')
_MOST_SERIES = 10_000


def is_ome_zarr(folder: Path) -> bool:
    """Say whether a folder is an OME-Zarr image, or a collection or a plate of such images."""
    if folder.suffix.lower() != ".zarr":
        return False
    for name in _METADATA:
        try:
            content = (folder / name).read_bytes()
        except OSError:
            continue
        if any(kind in content for kind in _KINDS):
            return True
    return False


def ome_zarr_series(path: Path) -> list[str]:
    """Return the paths of the images in a collection or a plate; none of a plain image.

    A collection (``bioformats2raw.layout``) names its images in its group OME, or numbers them
    from 0; a plate has its fields of view below its wells (OME-NGFF 0.4 and 0.5).

    Raises
    ------
    DataError
        When it can't be read.
    """
    import zarr

    try:
        group = zarr.open_group(str(path), mode="r")
        described = _described(group)
        if "multiscales" in described:
            return []
        if "plate" in described:
            wells = [str(well["path"]) for well in described["plate"]["wells"]]
            found = [
                f"{well}/{field['path']}"
                for well in wells[:_MOST_SERIES]
                for field in _described(group[well])["well"]["images"]
            ]
        elif "OME" in group and "series" in (collected := _described(group["OME"])):
            found = [str(each) for each in collected["series"]]
        else:
            numbered = (str(number) for number in range(_MOST_SERIES))
            found = [*takewhile(lambda name: name in group, numbered)]
        for each in found:
            if PurePosixPath(each).is_absolute() or ".." in PurePosixPath(each).parts:
                raise ValueError(f"the image {each} lies outside")
        if not found or len(found) > _MOST_SERIES:
            raise ValueError(f"holds {len(found)} images")
    except Exception as error:  # whatever is damaged or missing
        raise _unreadable(path, error) from error
    return found


def ome_zarr_planes(path: Path, series: str | None = None) -> Lengths:
    """Return the axes along which planes are counted, channels aside, and how many there are."""
    _, axes, shape, _ = _opened(path, series)
    lengths = zip(axes, shape, strict=True)
    return {axis: n for axis, n in lengths if axis not in ("c", "y", "x")}


def read_ome_zarr(
    path: Path, reading: Reading, plane: str | None, series: str | None = None
) -> Samples:
    """Read one plane at full resolution; its channels become bands.

    Parameters
    ----------
    path, reading, plane
        As for `pipeline.datasets.images.image_file.read_samples`.
    series
        Which image of a collection or a plate; None for the first.

    Raises
    ------
    DataError
        When it can't be read, is too large or has no such plane.
    """
    facts: dict[str, Any] = {}
    if series is None and (there := ome_zarr_series(path)):
        series = there[0]
        facts = {"images": len(there)} if len(there) > 1 else {}
    folder = path if series is None else path / series
    array, axes, shape, n_others = _opened(path, series)
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
        check_chunks(array, folder / array.path, [chosen.get(axis) for axis in axes])
        values = np.asarray(array[tuple(chosen.get(axis, slice(None)) for axis in axes)])
    except Exception as error:  # a codec may fail in any way on a damaged chunk
        raise _unreadable(path, error) from error
    kept = [axis for axis in axes if axis not in chosen]
    order = [kept.index(axis) for axis in ("y", "x", "c") if axis in kept]
    values = values.transpose(order)
    if plane is None:
        facts |= {axis: n for axis, n in counted.items() if n != 1}
    if n_others > 1:
        facts |= {"multiscales": n_others}
    return Samples(
        values if values.ndim == 3 else values[..., np.newaxis],
        facts={"first_of": facts} if facts else {},
    )


def _described(group: Any) -> Any:
    """Return a group's OME metadata: its attributes (0.4), or their key ``ome`` (0.5)."""
    attributes = group.attrs.asdict()
    return attributes.get("ome", attributes)


def _opened(path: Path, series: str | None) -> tuple[Any, list[str], tuple[int, ...], int]:
    """Return the finest array of the first image, its axes, its shape and how many images."""
    import zarr

    try:
        group: Any = zarr.open_group(str(path if series is None else path / series), mode="r")
        images = _described(group)["multiscales"]
        image = images[0]
        array: Any = group[image["datasets"][0]["path"]]
        shape = tuple(int(n) for n in array.shape)
        named = image.get("axes", "tczyx"[-len(shape) :])
        axes = [str(axis["name"] if isinstance(axis, dict) else axis).lower() for axis in named]
        if len(axes) != len(shape):
            raise ValueError(f"{len(axes)} axes, {len(shape)} dimensions")
    except Exception as error:  # whatever is damaged or missing
        raise _unreadable(path, error) from error
    return array, axes, shape, len(images)


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    return DataError(
        f"{path}: is not an OME-Zarr image that can be read ({reason}); write it again"
    )
