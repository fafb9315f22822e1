"""Reading an image file, whatever its kind, as a person would expect to see it."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.datasets.base import FileSource
from pipeline.errors import DataError

IMAGE_SUFFIXES = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".tif",
        ".tiff",
        ".bmp",
        ".gif",
        ".webp",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
    ]
)
"""Suffixes, in lower case, of the files that a folder of images is taken to consist of."""

MAX_PIXELS = 178_956_970
"""Pixels above which Pillow calls a file a decompression bomb (twice its own warning level)."""

_BITS_PER_SAMPLE, _PLANAR_CONFIGURATION = 258, 284  # tags of the TIFF 6.0 specification


class ImageFile(FileSource):
    """An image file; reads as (H, W, 3) uint8 in sRGB."""

    def read(self) -> NDArray[np.uint8]:
        """Load the image (see `read_image`)."""
        return read_image(self.path)


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read an image file.

    Greyscale, palette and CMYK become RGB; transparency is laid over white; a camera's
    rotation (EXIF) is applied; 16-bit samples keep their high byte; floats are taken as 0 to 1.
    Of an animation or a stack the first image is read. Colour profiles are not applied.

    Returns
    -------
    (H, W, 3) uint8, sRGB.

    Raises
    ------
    DataError
        When the file is not there, not an image, damaged, too large, or of a kind whose range
        is anybody's guess (integers of 32 bits).
    """
    try:
        with warnings.catch_warnings():
            # Between the warning and the error lie large photographs, which are welcome.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if _is_misread(image):
                    return _read_scientific_tiff(path)
                image.load()
                return _to_rgb(image, path)
    except DataError:
        raise
    except UnidentifiedImageError as error:
        if path.suffix.lower() in (".tif", ".tiff"):
            return _read_scientific_tiff(path)
        raise DataError(
            f"{path}: is not an image that can be read; remove it or save it as PNG or JPEG"
        ) from error
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{path}: has more than {MAX_PIXELS:,} pixels; scale it down or cut it into tiles"
        ) from error
    except Exception as error:  # a decoder may fail in any way on a damaged file
        raise DataError(
            f"{path}: is damaged ({_first_line(error)}); get or save it again"
        ) from error


def _is_misread(image: Image.Image) -> bool:
    """Tell whether Pillow would mix up the channels: planes of 16-bit samples in a TIFF."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(_PLANAR_CONFIGURATION) == 2 and max(tags.get(_BITS_PER_SAMPLE, (8,))) > 8


def _to_rgb(image: Image.Image, path: Path) -> NDArray[np.uint8]:
    file_format = image.format
    image = ImageOps.exif_transpose(image)
    if image.mode == "F" or image.mode.startswith("I"):
        samples = np.asarray(image)
        if image.mode == "I" and file_format in ("PNG", "PPM"):
            # 16 bits are the most that these formats hold; Pillow gives them as 32.
            samples = samples.astype(np.uint16)
        return _samples_to_rgb(samples, path)
    if image.has_transparency_data:
        return _over_white(image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))


def _over_white(image: Image.Image) -> NDArray[np.uint8]:
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image).convert("RGB"))


def _samples_to_rgb(samples: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """Bring (H, W) or (H, W, 1 | 3 | 4) samples of any range to (H, W, 3) uint8."""
    if samples.dtype.kind == "f":
        if not (samples.min() >= 0 and samples.max() <= 1):  # False for NaN, too
            raise DataError(f"{path}: float samples outside 0..1; save the image as 8 or 16 bits")
        samples = np.rint(samples * 255).astype(np.uint8)
    elif samples.dtype == np.uint16:
        samples = (samples >> 8).astype(np.uint8)
    elif samples.dtype != np.uint8:
        raise DataError(f"{path}: {samples.dtype} samples; save the image as 8 or 16 bits")
    if samples.ndim == 3 and samples.shape[2] == 4:
        return _over_white(Image.fromarray(samples))
    if samples.ndim == 3 and samples.shape[2] == 3:
        return samples
    return np.repeat(samples.reshape(*samples.shape[:2], 1), 3, axis=2)


def _read_scientific_tiff(path: Path) -> NDArray[np.uint8]:
    """Read what Pillow cannot: planar samples, floats in colour, big TIFF."""
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            axes, shape = page.axes, page.shape
            if int(np.prod(shape[:3])) > 4 * MAX_PIXELS:
                raise DataError(f"{path}: is too large ({shape}); scale it down or cut it")
            samples = page.asarray()
    except DataError:
        raise
    except Exception as error:  # as above
        raise DataError(
            f"{path}: is not a TIFF that can be read ({_first_line(error)}); save it as PNG"
        ) from error
    if axes == "SYX":
        samples, axes = np.moveaxis(samples, 0, 2), "YXS"
    if axes not in ("YX", "YXS") or (axes == "YXS" and samples.shape[2] not in (1, 3, 4)):
        raise DataError(f"{path}: a TIFF of shape {shape}; save it as greyscale, RGB or RGBA")
    return np.ascontiguousarray(_samples_to_rgb(samples, path))


def _first_line(error: Exception) -> str:
    text = str(error).strip().split("\n")[0]
    return text or type(error).__name__
