"""An image with its superpixels as OME-Zarr, whose labels napari shows as such.

OME-NGFF 0.5 on Zarr v3: the image, and below ``labels`` a label image each for superpixels and
objects. A label of 0 is nothing there, so superpixels are numbered from 1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.store.folder import Folder

_VERSION = "0.5"
_CHUNK = 2048
_COLORS = {"red": "FF0000", "green": "00FF00", "blue": "0000FF"}


def write_ome_zarr(
    target: Folder,
    key: str,
    image: NDArray[np.uint8],
    labels: dict[str, NDArray[np.integer[Any]]],
) -> None:
    """Write an image and label images over it.

    Parameters
    ----------
    target
        The folder to write below.
    key
        The new folder's path there.
    image
        (H, W, 3) uint8, sRGB.
    labels
        (H, W) unsigned integers by name; 0 is nothing.
    """
    import zarr

    name = key.rpartition("/")[2].split(".")[0]
    store = target.zarr_store(key, read_only=False)
    root = zarr.create_group(store, attributes={"ome": _image_metadata(name)})
    _write(root, np.moveaxis(image, 2, 0))
    listed = {"version": _VERSION, "labels": [*labels]}
    below = root.create_group("labels", attributes={"ome": listed})
    for each, array in labels.items():
        metadata = _multiscales(each, ("y", "x")) | {"image-label": {"source": {"image": "../../"}}}
        _write(below.create_group(each, attributes={"ome": metadata}), array)


def _write(group: Any, array: NDArray[Any]) -> None:
    chunks = tuple(min(length, _CHUNK) for length in array.shape)
    names = ("c", "y", "x")[-array.ndim :]
    group.create_array("0", data=np.ascontiguousarray(array), chunks=chunks, dimension_names=names)


def _multiscales(name: str, axes: tuple[str, ...]) -> dict[str, Any]:
    scale = {"type": "scale", "scale": [1.0] * len(axes)}
    kinds = [{"name": axis, "type": "channel" if axis == "c" else "space"} for axis in axes]
    dataset = {"path": "0", "coordinateTransformations": [scale]}
    image = {"name": name, "axes": kinds, "datasets": [dataset]}
    return {"version": _VERSION, "multiscales": [image]}


def _image_metadata(name: str) -> dict[str, Any]:
    window = {"start": 0, "end": 255, "min": 0, "max": 255}
    channels = [
        {"label": label, "color": color, "window": window, "active": True}
        for label, color in _COLORS.items()
    ]
    return _multiscales(name, ("c", "y", "x")) | {"omero": {"channels": channels}}
