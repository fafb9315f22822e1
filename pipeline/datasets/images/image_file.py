"""Reading an image file, whatever its kind, as a person would expect to see it."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from spam_pipe.pipeline.datasets.guards.limits import PILLOW_FORMATS, check_picture, pillow_limit
from spam_pipe.pipeline.datasets.images.bands import Reading, Samples, to_picture
from spam_pipe.pipeline.datasets.images.strips import array_of, strips_of
from spam_pipe.pipeline.datasets.images.tiff import is_plain_picture, is_tiff, read_tiff
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import FileSource, ImageSource, Picture

_OPAQUE = frozenset((".jpg", ".jpeg", ".jpe", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm"))
"""Suffixes of files that cannot say that a pixel has no data."""

PHOTOGRAPH_SUFFIXES = _OPAQUE | {".png", ".tif", ".tiff", ".gif", ".webp"}
"""Suffixes, in lower case, of files that Pillow or tifffile read."""

DICOM_SUFFIXES = frozenset((".dcm", ".dicom"))

IMAGE_SUFFIXES = PHOTOGRAPH_SUFFIXES | DICOM_SUFFIXES | {".zarr"}
"""Suffixes, in lower case, of what a folder of images is taken to consist of."""


@dataclass(frozen=True)
class ImageFile(FileSource, ImageSource):
    """An image file, or a plane of one.

    Attributes
    ----------
    path
        The file; a folder for OME-Zarr.
    reading
        What the user says of how it is read.
    plane
        Name of the plane of a stack, such as ``z3``; None for the only or first one.
    """

    reading: Reading = field(default_factory=Reading)
    plane: str | None = None

    @property
    def may_have_gaps(self) -> bool:
        """Say whether files of this kind can mark pixels without data."""
        return self.path.suffix.lower() not in _OPAQUE

    def signature(self) -> str:
        """Return what is there now, and what of it is read in which way."""
        return self._stored_signature() + self._token

    def digest(self) -> str:
        """Return the SHA-256 of the file's bytes; of the samples where it is a stack's plane."""
        if self.plane is not None or self.path.is_dir():
            samples = read_samples(self.path, self.reading, self.plane)
            said = f"{samples.values.dtype.str}{samples.values.shape}{self._token}"
            content = np.ascontiguousarray(samples.values)
            return sha256(said.encode() + content.tobytes()).hexdigest()
        own = super().digest()
        return sha256(f"{own}{self._token}".encode()).hexdigest() if self._token else own

    def picture(self) -> Picture:
        """Load the image (see `read_picture`)."""
        return read_picture(self.path, self.reading, self.plane)

    def read(self) -> NDArray[np.uint8]:
        """Load the image's pixels."""
        return self.picture().pixels

    @property
    def _token(self) -> str:
        return self.reading.token + (f":plane={self.plane}" if self.plane else "")

    def _stored_signature(self) -> str:
        if not self.path.is_dir():
            return super().signature()
        files = sorted(file for file in self.path.rglob("*") if file.is_file())
        stats = [(str(file.relative_to(self.path)), file.stat()) for file in files]
        lines = [f"{name} {status.st_size}:{status.st_mtime_ns}" for name, status in stats]
        return sha256("\n".join(lines).encode()).hexdigest()


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read an image file's pixels: (H, W, 3) uint8, sRGB (see `read_picture`)."""
    return read_picture(path).pixels


def read_picture(path: Path, reading: Reading | None = None, plane: str | None = None) -> Picture:
    """Read an image file.

    Greyscale, palette and CMYK become RGB; transparency is laid over white, and where nothing is
    to be seen at all there is no data; a camera's rotation (EXIF) is applied. Of an animation or
    a stack the first image is read. Colour profiles are not applied. Of anything but 8 bits,
    `pipeline.datasets.images.bands.to_picture` says what becomes black and white.

    Parameters
    ----------
    path
        The file; a folder for OME-Zarr.
    reading
        What the user says of how it is read.
    plane
        Name of the plane of a stack.

    Raises
    ------
    DataError
        When the file is not there, not an image, damaged, too large, lacks the bands or the plane
        that was asked for, or has more bands than can be seen.
    """
    reading = reading or Reading()
    if not _is_for_pillow(path, plane):
        return to_picture(read_samples(path, reading, plane), reading, path)
    try:
        samples = _read_with_pillow(path, reading)
    except UnidentifiedImageError as error:
        if is_tiff(path):
            return to_picture(read_tiff(path, reading, plane), reading, path)
        raise DataError(
            f"{path}: is not an image that can be read; remove it or save it as PNG or JPEG"
        ) from error
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{path}: has more megapixels than the limit of {reading.max_pixels / 1e6:g}; raise "
            "it with --max-megapixels N, or scale it down or cut it into tiles"
        ) from error
    except Exception as error:  # a decoder may fail in any way on a damaged file
        raise DataError(
            f"{path}: is damaged ({_first_line(error)}); get or save it again"
        ) from error
    return to_picture(samples, reading, path)


def read_samples(path: Path, reading: Reading, plane: str | None) -> Samples:
    """Read what a file of science, medicine or maps holds, by its kind."""
    suffix = path.suffix.lower()
    if suffix == ".zarr":
        from spam_pipe.pipeline.datasets.images.ome_zarr import read_ome_zarr

        return read_ome_zarr(path, reading, plane)
    if suffix in DICOM_SUFFIXES:
        from spam_pipe.pipeline.datasets.images.dicom import read_dicom

        return read_dicom(path, reading, plane)
    if is_tiff(path):
        return read_tiff(path, reading, plane)
    raise DataError(f"{path}: is one image, not a stack with a plane {plane}")


def _is_for_pillow(path: Path, plane: str | None) -> bool:
    if plane is not None or path.suffix.lower() not in PHOTOGRAPH_SUFFIXES:
        return path.suffix.lower() not in DICOM_SUFFIXES | {".zarr"} and plane is None
    return not is_tiff(path) or is_plain_picture(path)


def _read_with_pillow(path: Path, reading: Reading) -> Samples:
    with (
        pillow_limit(reading.max_pixels),
        Image.open(path, formats=PILLOW_FORMATS) as image,
    ):
        check_picture(path, image, reading.max_pixels, 4)
        image.load()
        return _samples_of(image, reading)


def _samples_of(image: Image.Image, reading: Reading) -> Samples:
    """Bring a picture to arrays, a strip at a time: Pillow's own conversions copy the whole."""
    turn = int(image.getexif().get(ExifTags.Base.Orientation, 1))
    if image.mode == "F" or image.mode.startswith("I"):
        values = array_of(image)
        if image.mode == "I" and image.format in ("PNG", "PPM"):
            # 16 bits are the most that these formats hold; Pillow gives them as 32.
            values = values.astype(np.uint16)
        if turn != 1:
            turned = np.empty(_turned_size(values.shape, turn), values.dtype)
            _as_stored(turned, turn)[...] = values
            values = turned
        return Samples(values[..., np.newaxis], photograph=True)
    grey = image.mode in ("1", "L") and reading.token != ""
    size = _turned_size((image.height, image.width), turn)
    clear = image.has_transparency_data
    mode = "RGBA" if clear else "L" if grey else "RGB"
    pixels = np.empty((*size, 1 if mode == "L" else 3), np.uint8)
    valid = np.empty(size, np.bool_) if clear else None
    for rows, part in strips_of(image):
        shown = part if part.mode == mode else part.convert(mode)
        if valid is not None:
            _as_stored(valid, turn)[rows] = np.asarray(shown.getchannel("A")) != 0
            shown = _over_white(shown)
        piece = np.asarray(shown)
        _as_stored(pixels, turn)[rows] = piece.reshape(*piece.shape[:2], -1)
    return Samples(pixels, valid, photograph=True)


def _turned_size(shape: tuple[int, ...], turn: int) -> tuple[int, int]:
    """Return height and width of a picture once it is turned as EXIF's orientation says."""
    height, width = shape
    return (width, height) if turn in (5, 6, 7, 8) else (height, width)


def _as_stored(turned: NDArray[Any], turn: int) -> NDArray[Any]:
    """Return a view of a turned picture in which its rows are those that the file stores."""
    stored = turned.swapaxes(0, 1) if turn in (5, 6, 7, 8) else turned
    rows, columns = -1 if turn in (3, 4, 6, 7) else 1, -1 if turn in (2, 3, 7, 8) else 1
    return stored[::rows, ::columns]


def _over_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _first_line(error: Exception) -> str:
    text = str(error).strip().split("\n")[0]
    return text or type(error).__name__
