"""Reading ground truth: BSD's .mat files, label maps of several formats, SBD's layers."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.pipeline.datasets.guards.limits import (
    MAX_PIXELS,
    PILLOW_FORMATS,
    check_packing,
    check_picture,
    check_shape,
    pillow_limit,
)
from spam_pipe.pipeline.datasets.guards.mat_content import load_mat
from spam_pipe.pipeline.datasets.guards.npy_content import map_npy
from spam_pipe.pipeline.datasets.guards.tiff_segments import check_segments
from spam_pipe.pipeline.datasets.images.strips import array_of, strips
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import FileSource

Annotations = tuple[NDArray[np.uint32], ...]
"""One (H, W) region map per annotator."""

_LABEL_BYTES = 8
"""Most that a pixel of a label map takes."""

_MOST_ANNOTATORS = 100

LABEL_SUFFIXES = (".png", ".tif", ".tiff", ".npy", ".mat")
"""Suffixes, in lower case, of the files that `LabelFile` reads."""


class BsdAnnotations(FileSource):
    """A BSD .mat file: a cell ``groundTruth`` with one ``Segmentation`` per annotator."""

    def read(self) -> Annotations:
        """Load the annotators' region maps, in the file's order."""
        variables = _load_mat(self.path)
        if "groundTruth" not in variables:
            raise DataError(
                f"{self.path}: has no `groundTruth`; ground truth of BSDS500 is needed here"
            )
        return _segmentations(variables["groundTruth"], self.path)


@dataclass(frozen=True)
class LabelFile(FileSource):
    """A label map: PNG, TIFF, npy or mat.

    Indexed and greyscale values of 8 to 32 bits are the regions; in a colour image every
    colour is a region. An npy file may hold one map (H, W) or one per annotator (A, H, W). A
    mat file holds BSD's ``groundTruth``, or one matrix.

    Attributes
    ----------
    path
        The file.
    max_pixels
        Maps with more pixels are refused before they are decoded.
    """

    max_pixels: int = MAX_PIXELS

    def read(self) -> Annotations:
        """Load the annotators' region maps."""
        match self.path.suffix.lower():
            case ".npy":
                labels = _load_npy(self.path, self.max_pixels)
                maps = tuple(labels) if labels.ndim == 3 else (labels,)
                return tuple(_region_map(each, self.path) for each in maps)
            case ".mat":
                return _labels_of_mat(self.path, self.max_pixels)
            case ".tif" | ".tiff":
                return (_region_map(_load_tiff(self.path, self.max_pixels), self.path),)
            case _:
                colors = _load_picture(self.path, self.max_pixels)
                return (_region_map(_colors_to_labels(colors), self.path),)


class SbdLayers(FileSource):
    """A ``layers.txt`` of the Stanford Background Dataset.

    Its regions are the 4-connected components of equal integers.
    """

    def read(self) -> Annotations:
        """Load the one region map; regions are numbered from 1."""
        from skimage.measure import label

        try:
            text = self.path.read_text(encoding="ascii")
            if not text.strip():
                raise ValueError("empty")
            layers = np.loadtxt(text.splitlines(), dtype=np.int64, ndmin=2)
        except FileNotFoundError as error:
            raise _missing(self.path) from error
        except (OSError, ValueError) as error:
            raise DataError(
                f"{self.path}: is not a matrix of integers; get the data set again"
            ) from error
        # No value is background to `label` once all are positive.
        return (label(layers - layers.min() + 1, connectivity=1).astype(np.uint32),)


def _missing(path: Path) -> DataError:
    return DataError(f"{path}: there is no such ground truth file; get the data set again")


def _region_map(labels: NDArray[Any], path: Path) -> NDArray[np.uint32]:
    """Check that an array is a label map and bring it to uint32."""
    if labels.ndim != 2 or labels.size == 0:
        raise DataError(f"{path}: a label map is (H, W), not {labels.shape}")
    if labels.dtype.kind not in "buif":
        raise DataError(f"{path}: a label map holds integers, not {labels.dtype}")
    # `not (...)` rather than the opposite, so that NaN is refused as well.
    if not (labels.min() >= 0 and labels.max() <= np.iinfo(np.uint32).max):
        raise DataError(f"{path}: labels must lie between 0 and 2^32 - 1")
    regions = labels.astype(np.uint32, copy=isinstance(labels, np.memmap))
    if labels.dtype.kind == "f" and (regions != labels).any():
        raise DataError(f"{path}: a label map holds whole numbers")
    return regions


def _load_mat(path: Path, max_pixels: int = MAX_PIXELS) -> dict[str, Any]:
    try:
        variables = load_mat(path.read_bytes())
    except FileNotFoundError as error:
        raise _missing(path) from error
    except NotImplementedError as error:
        raise DataError(f"{path}: is MATLAB 7.3; save it in MATLAB with -v7") from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: is not a MATLAB file that can be read ({error}); get it again"
        ) from error
    for value in variables.values():
        check_shape(path, np.shape(value), max_pixels)
    return variables


def _segmentations(cell: Any, path: Path) -> Annotations:
    try:
        maps = [np.asarray(entry["Segmentation"][0, 0]) for entry in np.ravel(cell)]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: `groundTruth` is not a cell of structures with `Segmentation`"
        ) from error
    if not maps:
        raise DataError(f"{path}: `groundTruth` is empty; there is no annotator in it")
    return tuple(_region_map(each, path) for each in maps)


def _labels_of_mat(path: Path, max_pixels: int) -> Annotations:
    variables = _load_mat(path, max_pixels)
    if "groundTruth" in variables:
        return _segmentations(variables["groundTruth"], path)
    matrices = [name for name, value in variables.items() if np.asarray(value).dtype.kind in "buif"]
    if len(matrices) != 1:
        found = ", ".join(variables) or "nothing"
        raise DataError(f"{path}: holds {found}; expected `groundTruth`, or one matrix of labels")
    return (_region_map(np.asarray(variables[matrices[0]]), path),)


def _load_npy(path: Path, max_pixels: int) -> NDArray[Any]:
    try:
        mapped = map_npy(path)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from error
    if mapped.ndim >= 2:
        check_shape(path, mapped.shape[-2:], max_pixels)
    if mapped.ndim == 3 and len(mapped) > _MOST_ANNOTATORS:
        raise DataError(
            f"{path}: holds {len(mapped)} label maps, one for each annotator; stack at "
            f"most {_MOST_ANNOTATORS}"
        )
    return mapped


def _load_tiff(path: Path, max_pixels: int) -> NDArray[Any]:
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            check_shape(path, page.shape[:2], max_pixels)
            if page.nbytes > _LABEL_BYTES * max_pixels:
                raise DataError(f"{path}: a label map of shape {page.shape} is too large")
            check_packing(path, page.nbytes, page.nbytes + 4 * prod(page.shape[:2]))
            check_segments(page, path)
            labels: NDArray[Any] = page.asarray()
    except DataError:
        raise
    except FileNotFoundError as error:
        raise _missing(path) from error
    except Exception:  # tifffile reads every data type, Pillow every compression
        labels = _load_picture(path, max_pixels)
    return _colors_to_labels(labels)


def _load_picture(path: Path, max_pixels: int) -> NDArray[Any]:
    try:
        with pillow_limit(max_pixels), Image.open(path, formats=PILLOW_FORMATS) as image:
            check_picture(path, image, max_pixels, 4)
            if image.mode in ("LA", "PA", "CMYK", "YCbCr", "LAB"):
                raise DataError(f"{path}: {image.mode} is no label map; save it as greyscale")
            values = array_of(image)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise _missing(path) from error
    except Exception as error:  # a decoder may fail in any way on a damaged file
        raise DataError(
            f"{path}: is not a label map that can be read; save it as PNG, TIFF or npy"
        ) from error
    return values


def _colors_to_labels(values: NDArray[Any]) -> NDArray[Any]:
    """Give every colour of (H, W, 3 | 4) uint8 its own number; other arrays stay as they are."""
    if values.ndim != 3 or values.shape[2] not in (3, 4) or values.dtype != np.uint8:
        return values
    labels = np.empty(values.shape[:2], np.uint32)
    for rows in strips(len(values), 12 * values.shape[1]):
        red, green, blue = np.moveaxis(values[rows, :, :3].astype(np.uint32), 2, 0)
        labels[rows] = red << 16 | green << 8 | blue
    return labels
