"""Reading ground truth: BSD's .mat files, label maps of several formats, SBD's layers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from spam_pipe.pipeline.datasets.guards.limits import MAX_PIXELS, check_shape
from spam_pipe.pipeline.datasets.guards.mat_content import load_mat
from spam_pipe.pipeline.datasets.guards.npy_content import map_npy
from spam_pipe.pipeline.datasets.images.image_file import opened_picture
from spam_pipe.pipeline.datasets.images.orientation import orientation_of, upright
from spam_pipe.pipeline.datasets.images.png import decode_deep, differs_from_key, png_kind
from spam_pipe.pipeline.datasets.images.strips import array_of, strips
from spam_pipe.pipeline.datasets.images.tiff import CodecMissingError, label_pages, plain_pages
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import FileSource
from spam_pipe.stages.validity import VOID

Annotations = tuple[NDArray[np.uint32], ...]
"""One (H, W) region map per annotator; `VOID` where a pixel has no label."""

_LABEL_BYTES = 8
"""Largest number of bytes of a label."""

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
        maps = _segmentations(variables["groundTruth"], self.path)
        return tuple(region_map(each, self.path) for each in maps)


@dataclass(frozen=True)
class LabelFile(FileSource):
    """A label map: PNG, TIFF, npy or mat.

    Indexed and greyscale values of 8 to 32 bits are the regions; in a colour image every
    colour is a region. A picture is turned as its tag Orientation says. An npy file may hold one
    map (H, W) or one per annotator (A, H, W), and so do the pages of a TIFF, masks and reduced
    images aside. A mat file holds BSD's ``groundTruth``, or one matrix.

    Pixels have no label where the file itself masks them (opacity 0, a transparent colour, a
    transparency mask, GDAL's nodata) and where they hold NaN or a value to ignore.
    """

    max_pixels: int = MAX_PIXELS  # maps with more are refused before they are decoded
    ignore: tuple[int, ...] = ()  # values that mean no label; they may be negative
    void: int = 0  # value of pixels without a label

    def signature(self) -> str:
        """Return size, modification time and the ignored values."""
        return super().signature() + self._token

    def digest(self) -> str:
        """Return the SHA-256 of the file's bytes and of the ignored values."""
        own = super().digest()
        return sha256(f"{own}{self._token}".encode()).hexdigest() if self._token else own

    def read(self) -> Annotations:
        """Load the annotators' region maps."""
        return tuple(self._region_map(each) for each in self._maps())

    @property
    def _token(self) -> str:
        return f":ignore={','.join(map(str, self.ignore))}" if self.ignore else ""

    def _region_map(self, labels: NDArray[Any]) -> NDArray[np.uint32]:
        return region_map(labels, self.path, self.ignore, self.void)

    def _maps(self) -> Iterator[NDArray[Any]]:
        match self.path.suffix.lower():
            case ".npy":
                labels = _load_npy(self.path, self.max_pixels)
                yield from labels if labels.ndim == 3 else (labels,)
            case ".mat":
                yield from _matrices(self.path, self.max_pixels)
            case ".tif" | ".tiff":
                yield from _load_tiff(self.path, self.max_pixels)
            case _:
                yield _colors_to_labels(_load_picture(self.path, self.max_pixels))


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


def region_map(
    labels: NDArray[Any], path: Path, ignore: Sequence[int] = (), void: int = 0
) -> NDArray[np.uint32]:
    """Check that an array is a label map and bring it to uint32.

    Parameters
    ----------
    labels
        (H, W) integers; masked, or NaN, where a pixel has no label.
    path
        The file, for messages.
    ignore
        Values that mean no label either.
    void
        Value of such pixels in the result.

    Raises
    ------
    DataError
        When it is no label map.
    """
    if labels.ndim != 2 or labels.size == 0:
        raise DataError(f"{path}: a label map is (H, W), not {labels.shape}")
    if labels.dtype.kind not in "buif":
        raise DataError(f"{path}: a label map holds integers, not {labels.dtype}")
    hidden = np.ma.getmask(labels)
    values = np.asarray(np.ma.getdata(labels))
    if ignore:
        hidden = hidden | np.isin(values, ignore)
    if values.dtype.kind == "f" and np.isnan(values).any():
        hidden = hidden | np.isnan(values)
    if hidden is not np.ma.nomask and hidden.any():
        values = np.where(hidden, values.dtype.type(0), values)
    if values.min() < 0 or values.max() >= VOID:
        found = f"; they are {values.min():g} to {values.max():g}"
        cure = f": leave values without a meaning out with --ignore {values.min():g}"
        raise DataError(
            f"{path}: labels must lie between 0 and 2^32 - 2{found}"
            f"{cure if values.min() < 0 and not ignore else ''}"
        )
    regions = values.astype(np.uint32, copy=isinstance(values, np.memmap))
    if values.dtype.kind == "f" and (regions != values).any():
        raise DataError(f"{path}: a label map holds whole numbers")
    if hidden is not np.ma.nomask and hidden.any():
        regions[hidden] = void
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


def _segmentations(cell: Any, path: Path) -> list[NDArray[Any]]:
    try:
        maps = [np.asarray(entry["Segmentation"][0, 0]) for entry in np.ravel(cell)]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: `groundTruth` is not a cell of structures with `Segmentation`"
        ) from error
    if not maps:
        raise DataError(f"{path}: `groundTruth` is empty; there is no annotator in it")
    return maps


def _matrices(path: Path, max_pixels: int) -> list[NDArray[Any]]:
    variables = _load_mat(path, max_pixels)
    if "groundTruth" in variables:
        return _segmentations(variables["groundTruth"], path)
    matrices = [name for name, value in variables.items() if np.asarray(value).dtype.kind in "buif"]
    if len(matrices) != 1:
        found = ", ".join(variables) or "nothing"
        raise DataError(f"{path}: holds {found}; expected `groundTruth`, or one matrix of labels")
    return [np.asarray(variables[matrices[0]])]


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


def _load_tiff(path: Path, max_pixels: int) -> Iterator[NDArray[Any]]:
    if not path.is_file():
        raise _missing(path)
    pages = label_pages(path, max_pixels, _LABEL_BYTES * max_pixels)
    for number in range(_MOST_ANNOTATORS + 1):
        try:
            page = next(pages, None)
        except CodecMissingError:
            if plain_pages(path) != 1:
                raise
            page = _load_picture(path, max_pixels)  # Pillow reads every compression
            pages = iter(())
        if page is None:
            return
        if number == _MOST_ANNOTATORS:
            raise DataError(
                f"{path}: holds more than {_MOST_ANNOTATORS} label maps, one for each annotator"
            )
        yield _colors_to_labels(page)


def _load_picture(path: Path, max_pixels: int) -> NDArray[Any]:
    """Return a picture's values, upright, masked where it is transparent."""
    if not path.exists():
        raise _missing(path)
    try:
        with opened_picture(path, max_pixels, 4) as image:
            if image.mode in ("CMYK", "YCbCr", "LAB"):
                raise DataError(f"{path}: {image.mode} is no label map; save it as greyscale")
            image.load()
            kind = png_kind(path) if image.format == "PNG" else None
            turn = orientation_of(image)
            if kind is not None and kind.is_deep_color:
                values = decode_deep(path)
            else:
                values = np.asarray(array_of(image))
            transparent = _transparent(image, values)
            if kind is not None and kind.key is not None and not kind.is_deep_color:
                transparent = ~differs_from_key(values, kind)
            if kind is not None and kind.is_grey and 1 < kind.depth < 8:
                values = values // (255 // ((1 << kind.depth) - 1))  # Pillow spreads them
    except UnidentifiedImageError as error:
        raise DataError(
            f"{path}: is not a label map that can be read; save it as PNG, TIFF or npy"
        ) from error
    if values.ndim == 3 and values.shape[2] in (2, 4):
        values = values[..., 0] if values.shape[2] == 2 else values[..., :3]
    labels = upright(values, turn)
    if transparent is None or not transparent.any():
        return labels
    hidden = upright(transparent, turn)
    hidden = hidden if labels.ndim == 2 else hidden[..., np.newaxis]
    return np.ma.MaskedArray(labels, np.broadcast_to(hidden, labels.shape))


def _transparent(image: Image.Image, values: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which pixels are fully transparent, by opacity or palette."""
    if values.ndim == 3 and values.shape[2] in (2, 4):
        return np.asarray(values[..., -1] == 0)
    clear = image.info.get("transparency")
    if image.mode != "P" or clear is None:
        return None
    if isinstance(clear, bytes):
        opacity = np.full(256, 255, np.uint8)
        opacity[: len(clear)] = np.frombuffer(clear, np.uint8)[:256]
        return np.asarray(opacity[values] == 0)
    return np.asarray(values == clear)


def _colors_to_labels(values: NDArray[Any]) -> NDArray[Any]:
    """Give every colour of (H, W, 3) its own number; other arrays stay as they are.

    That of 8 bits is red·2¹⁶ + green·2⁸ + blue; colours of 16 bits are numbered as they sort.
    """
    if values.ndim != 3 or values.shape[2] != 3 or values.dtype not in (np.uint8, np.uint16):
        return values
    colors = np.ma.getdata(values)
    labels: NDArray[Any]
    if colors.dtype == np.uint16:
        wide = colors.astype(np.uint64)
        whole = wide[..., 0] << 32 | wide[..., 1] << 16 | wide[..., 2]
        labels = np.unique(whole, return_inverse=True)[1].reshape(whole.shape)
    else:
        labels = np.empty(values.shape[:2], np.uint32)
        for rows in strips(len(colors), 12 * colors.shape[1]):
            red, green, blue = np.moveaxis(colors[rows].astype(np.uint32), 2, 0)
            labels[rows] = red << 16 | green << 8 | blue
    if np.ma.getmask(values) is np.ma.nomask:
        return labels
    return np.ma.MaskedArray(labels, np.ma.getmaskarray(values)[..., 0])
