"""Label maps and overlays as files that other programs read."""

import io
import json
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.pipeline.datasets.images.georeference import Georeference
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.exporting.formats import Form
from spam_pipe.stages.propose.run_lengths import RunLengths
from spam_pipe.stages.report.drawing import color_objects, draw_boundaries, mean_colors

LabelMap = NDArray[np.integer]

_TILE = 512
_LARGEST_UNTILED = 4_000_000


def encode_labels(labels: LabelMap, form: Form, background: int | None = None) -> bytes:
    """Return a label map as the content of a file.

    Parameters
    ----------
    labels
        (H, W) non-negative integers: superpixels or objects 1..n; 0 is background, or uncertain.
    form
        ``png`` (16 bits), ``tiff`` (16 or 32, deflated, above four megapixels in tiles) and
        ``npy`` keep the numbers as they are; ``coco`` is run lengths as JSON, laid out as
        segment-anything's ``amg.py`` writes them.
    background
        COCO alone: a label that is no region and is left out (0 for objects).

    Returns
    -------
    Equal maps give equal bytes.

    Raises
    ------
    UserError
        When the labels do not fit the format; the message says which one they fit.
    """
    _check(labels)
    if form == "png":
        return _encode_png(labels)
    if form == "coco":
        return _encode_coco(labels, background)
    kind = np.uint16 if labels.max() <= 0xFFFF else np.uint32
    compact = np.ascontiguousarray(labels, dtype=kind)
    content = io.BytesIO()
    if form == "tiff":
        # Viewers of large images read the tiles in sight alone.
        tile = (_TILE, _TILE) if compact.size > _LARGEST_UNTILED else None
        tifffile.imwrite(
            content,
            compact,
            photometric="minisblack",
            compression="zlib",
            software="spam-pipe",
            tile=tile,
        )
    else:
        np.save(content, compact, allow_pickle=False)
    return content.getvalue()


def encode_overlay(image: NDArray[np.uint8], labels: LabelMap, start_label: int = 0) -> bytes:
    """Return an image with the superpixels' boundaries drawn on it, as a PNG.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    labels
        (H, W) non-negative integers.
    start_label
        Smaller labels are no superpixels and have no boundary.

    Raises
    ------
    ValueError
        When image and labels do not fit each other.
    """
    return _png(Image.fromarray(draw_boundaries(image, labels, start_label=start_label)))


def encode_object_overlay(image: NDArray[np.uint8], objects: LabelMap) -> bytes:
    """Return an image with the prior's objects coloured and uncertain pixels hatched, as a PNG.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    objects
        (H, W) integers: objects 1..n, 0 = uncertain.

    Raises
    ------
    ValueError
        When image and objects do not fit each other.
    """
    return _png(Image.fromarray(color_objects(image, objects)))


def encode_mean_colors(
    image: NDArray[np.uint8], labels: LabelMap, background: int | None = None
) -> bytes:
    """Return every superpixel painted in its mean colour, as a PNG.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    labels
        (H, W) non-negative integers.
    background
        A label that is no superpixel and becomes transparent.

    Raises
    ------
    ValueError
        When image and labels do not fit each other.
    """
    painted = mean_colors(image, labels)
    if background is not None:
        opacity = np.where(labels == background, np.uint8(0), np.uint8(255))
        painted = np.dstack([painted, opacity])
    return _png(Image.fromarray(painted))


def coco_records(labels: LabelMap, background: int | None = None) -> list[dict[str, Any]]:
    """Return the regions of a label map as COCO run lengths.

    Parameters
    ----------
    labels
        (H, W) non-negative integers.
    background
        A label that is left out.

    Returns
    -------
    One record per label present, ascending: ``id`` (the label), ``segmentation`` (``size``
    [H, W] and ``counts``, column-major, background first), ``area``, and ``bbox`` ([left,
    top, width, height] in whole pixels, as pycocotools has it: one pixel is 1 × 1).
    """
    present, index = np.unique(labels, return_inverse=True)
    index = index.reshape(labels.shape)
    masks = RunLengths.from_labels(index + 1)
    boxes = _boxes(index, len(present)).tolist()
    return [
        {
            "id": label,
            "segmentation": {"size": list(labels.shape), "counts": masks.counts_of(i)},
            "area": int(masks.area[i]),
            "bbox": boxes[i],
        }
        for i, label in enumerate(present.tolist())
        if label != background
    ]


def _encode_png(labels: LabelMap) -> bytes:
    if labels.max() > 0xFFFF:
        raise UserError(
            f"labels up to {labels.max()} do not fit a 16-bit PNG (65535): "
            "choose the format tiff or npy"
        )
    return _png(Image.fromarray(np.ascontiguousarray(labels, dtype=np.uint16)))


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, format="PNG")
    return content.getvalue()


def _encode_coco(labels: LabelMap, background: int | None) -> bytes:
    return json.dumps(coco_records(labels, background), separators=(",", ":")).encode()


def _boxes(index: NDArray[np.intp], count: int) -> NDArray[np.int64]:
    """Return (count, 4) boxes of labels 0..count-1; each label is present."""
    ends = []
    for axis in (1, 0):
        where = np.broadcast_to(np.expand_dims(np.arange(index.shape[axis]), 1 - axis), index.shape)
        least = np.full(count, index.shape[axis])
        most = np.zeros(count, dtype=np.int64)
        np.minimum.at(least, index, where)
        np.maximum.at(most, index, where)
        ends.append((least, most - least + 1))
    (left, width), (top, height) = ends
    return np.stack([left, top, width, height], axis=1)


def _check(labels: LabelMap) -> None:
    if labels.ndim != 2 or labels.size == 0 or labels.dtype.kind not in "iu":
        raise UserError(
            f"a label map is a two-dimensional array of integers, not {labels.shape} {labels.dtype}"
        )
    if labels.min() < 0 or labels.max() > 0xFFFFFFFF:
        raise UserError(
            f"labels must lie in 0..4294967295, these are in {labels.min()}..{labels.max()}"
        )


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
