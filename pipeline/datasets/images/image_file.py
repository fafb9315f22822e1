"""Reading an image file of any kind as a person would expect to see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from spam_pipe.pipeline.datasets.guards.limits import (
    MAX_PIXELS,
    PILLOW_FORMATS,
    check_picture,
    pillow_limit,
)
from spam_pipe.pipeline.datasets.images.bands import Alpha, Reading, Samples, to_picture
from spam_pipe.pipeline.datasets.images.kinds import (
    DICOM,
    DICOM_SUFFIXES,
    ENVI,
    MAT,
    TIFF,
    ZARR,
    kind_of,
    may_have_gaps,
)
from spam_pipe.pipeline.datasets.images.orientation import (
    as_stored,
    orientation_of,
    upright,
    upright_size,
)
from spam_pipe.pipeline.datasets.images.png import PngKind, decode_deep, differs_from_key, png_kind
from spam_pipe.pipeline.datasets.images.sidecar_xml import refuse_of_palette
from spam_pipe.pipeline.datasets.images.sidecars import sidecars, with_sidecars
from spam_pipe.pipeline.datasets.images.strips import array_of, strips_of
from spam_pipe.pipeline.datasets.images.tiff import orientation_tag, plain_pages, read_tiff
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import FileSource, ImageSource, Picture, digest_of_file
from spam_pipe.stages.numeric import native


@dataclass(frozen=True)
class ImageFile(FileSource, ImageSource):
    """An image file, or a plane of one.

    Attributes
    ----------
    path
        The file; a folder for OME-Zarr.
    reading
        The user's options of reading.
    plane
        Name of the plane of a stack, such as ``z3``; None for the only or first one.
    series
        Which image of a file or folder that holds several; None for the only or first one.
    """

    reading: Reading = field(default_factory=Reading)
    plane: str | None = None
    series: str | None = None

    @property
    def may_have_gaps(self) -> bool:
        """Say whether files of this kind can mark pixels without data, or others do beside it."""
        return may_have_gaps(self.path) or bool(sidecars(self.path))

    def signature(self) -> str:
        """Return the files' sizes and modification times, and how they are read."""
        beside = [ImageFile(file)._stored_signature() for file in sidecars(self.path)]
        return " ".join([self._stored_signature(), *beside]) + self._token

    def digest(self) -> str:
        """Return the SHA-256 of the file's bytes, or of a plane's samples."""
        beside = "".join(digest_of_file(file) for file in sidecars(self.path))
        said = self._token + beside
        if self.plane is not None or self.series is not None or self.path.is_dir():
            samples = self.samples()
            said = f"{samples.values.dtype.str}{samples.values.shape}{said}"
            content = np.ascontiguousarray(samples.values)
            return sha256(said.encode() + content.tobytes()).hexdigest()
        own = super().digest()
        return sha256(f"{own}{said}".encode()).hexdigest() if said else own

    def samples(self) -> Samples:
        """Load the file's samples as they are stored (see `read_samples`)."""
        return read_samples(self.path, self.reading, self.plane, self.series)

    def picture(self) -> Picture:
        """Load the image (see `read_picture`)."""
        return to_picture(self.samples(), self.reading, self.path)

    def read(self) -> NDArray[np.uint8]:
        """Load the image's pixels."""
        return self.picture().pixels

    @property
    def _token(self) -> str:
        plane = f":plane={self.plane}" if self.plane else ""
        again = _READ_ANEW if self.path.suffix.lower() in _DEEP else ""
        return (
            again + self.reading.token + plane + (f":series={self.series}" if self.series else "")
        )

    def _stored_signature(self) -> str:
        if not self.path.is_dir():
            return super().signature()
        files = sorted(file for file in self.path.rglob("*") if file.is_file())
        stats = [(str(file.relative_to(self.path)), file.stat()) for file in files]
        lines = [f"{name} {status.st_size}:{status.st_mtime_ns}" for name, status in stats]
        return sha256("\n".join(lines).encode()).hexdigest()


_DEEP = frozenset((".tif", ".tiff", ".zarr")) | DICOM_SUFFIXES
_READ_ANEW = ":reading=2"
"""Version of the readers of these kinds: results of an older one are out of date."""


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
    return ImageFile(path, reading or Reading(), plane).picture()


def read_samples(
    path: Path, reading: Reading, plane: str | None = None, series: str | None = None
) -> Samples:
    """Read a file's samples, with the masks and units of the files beside it.

    Raises
    ------
    DataError
        As `read_picture`.
    """
    samples = with_sidecars(_read_samples(path, reading, plane, series), path)
    return replace(samples, values=native(samples.values))


def _read_samples(path: Path, reading: Reading, plane: str | None, series: str | None) -> Samples:
    kind = kind_of(path)
    if kind == ZARR:
        from spam_pipe.pipeline.datasets.images.ome_zarr import read_ome_zarr

        return read_ome_zarr(path, reading, plane, series)
    if kind == DICOM:
        from spam_pipe.pipeline.datasets.images.dicom import read_dicom

        return read_dicom(path, reading, plane)
    if kind in (ENVI, MAT):
        from spam_pipe.pipeline.datasets.images.cubes import read_envi, read_mat_image

        if plane is not None:
            raise DataError(f"{path}: is one image, not a stack with a plane {plane}")
        return (read_envi if kind == ENVI else read_mat_image)(path, reading)
    if kind == TIFF:
        chosen = plane is not None or series is not None
        n_pages = None if chosen else plain_pages(path)
        if n_pages is None:
            return read_tiff(path, reading, plane, int(series or 0))
        try:
            return _read_with_pillow(path, reading, n_pages)
        except UnidentifiedImageError:
            return read_tiff(path, reading, None)
    if plane is not None:
        raise DataError(f"{path}: is one image, not a stack with a plane {plane}")
    try:
        return _read_with_pillow(path, reading)
    except UnidentifiedImageError as error:
        raise DataError(
            f"{path}: is not an image that can be read; remove it or save it as PNG or JPEG"
        ) from error


def stored_orientation(path: Path) -> int:
    """Return the orientation of the stored picture (EXIF's 1 to 8)."""
    kind = kind_of(path)
    if kind == TIFF:
        return orientation_tag(path)
    if kind == ENVI:
        return 1
    with opened_picture(path, MAX_PIXELS, 4) as image:
        return orientation_of(image)


@contextmanager
def opened_picture(path: Path, max_pixels: int, result_bytes: int) -> Iterator[Image.Image]:
    """Open a picture with Pillow, unless it is larger than it may be.

    Whatever goes wrong with it becomes a DataError, but for Pillow's `UnidentifiedImageError`.
    """
    try:
        # Of a path Pillow maps uncompressed TIFFs into memory, and shears those on their side.
        with (
            pillow_limit(max_pixels),
            path.open("rb") as file,
            Image.open(file, formats=PILLOW_FORMATS) as image,
        ):
            check_picture(path, image, max_pixels, result_bytes)
            yield image
    except (DataError, UnidentifiedImageError):
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{path}: has more megapixels than the limit of {max_pixels / 1e6:g}; raise "
            "it with --max-megapixels N, or scale it down or cut it into tiles"
        ) from error
    except Exception as error:  # a decoder may fail in any way on a damaged file
        raise DataError(
            f"{path}: is damaged ({_first_line(error)}); get or save it again"
        ) from error


def _read_with_pillow(path: Path, reading: Reading, n_pages: int = 1) -> Samples:
    with opened_picture(path, reading.max_pixels, 4) as image:
        turned = orientation_of(image) if image.format == "TIFF" else 1
        raw = next((int(tile[2]) for tile in getattr(image, "tile", ())), 0)
        image.load()
        if image.mode == "P":
            refuse_of_palette(path)
        kind = png_kind(path) if image.format == "PNG" else None
        samples = _deep_colors(path, image, kind) or _samples_of(image, kind)
        if image.format == "TIFF":
            first = {"p": n_pages}
            samples = replace(samples, orientation=turned)
        elif image.format == "PPM":
            first = {"f": _n_following(path, image, raw)}
        else:
            first = {"f": getattr(image, "n_frames", 1) if image.format in _ANIMATED else 1}
        return replace(samples, facts={"first_of": first} if max(first.values()) > 1 else {})


def _n_following(path: Path, image: Image.Image, header: int) -> int:
    """Return how many images of the first one's size a Netpbm file holds."""
    with path.open("rb") as file:
        kind = file.read(2)
    bits = 1 if kind == b"P4" else 16 if image.mode.startswith("I") else 8
    if kind not in (b"P4", b"P5", b"P6"):  # numbers written as text have no fixed length
        return 1
    row = (bits * image.width * len(image.getbands()) + 7) // 8
    return max(1, path.stat().st_size // (header + row * image.height))


_ANIMATED = ("GIF", "PNG", "WEBP")


def _deep_colors(path: Path, image: Image.Image, kind: PngKind | None) -> Samples | None:
    """Return the samples of a colour PNG of 16 bits; None for other files."""
    if kind is None or not kind.is_deep_color:
        return None
    if kind.key is None and find_spec("imagecodecs") is None and _is_bright(image):
        return None  # the high bytes, which are all that Pillow reads, are all that is seen
    turn = orientation_of(image)
    values = upright(decode_deep(path), turn)
    clear = values.shape[2] in (2, 4)
    return Samples(
        values[..., :-1] if clear else values,
        photograph=True,
        alpha=Alpha(values[..., -1]) if clear else None,
        orientation=turn,
    )


def _is_bright(image: Image.Image) -> bool:
    """Say whether any band reaches half of the range, so that 16 bits are used in full."""
    bands = image.getbands()
    extremes = [image.getchannel(band).getextrema() for band in bands if band != "A"]
    return any(float(high) >= 128 for _, high in extremes if isinstance(high, int | float))


def _samples_of(image: Image.Image, kind: PngKind | None) -> Samples:
    """Convert a picture to arrays strip by strip: Pillow's conversions copy the whole."""
    turn = orientation_of(image)
    keyed = kind if kind is not None and kind.is_grey and kind.key is not None else None
    if image.mode == "F" or image.mode.startswith("I"):
        stored = array_of(image)
        if image.mode == "I" and image.format in ("PNG", "PPM"):
            # 16 bits are the most that these formats hold; Pillow gives them as 32.
            stored = stored.astype(np.uint16)
        valid = None if keyed is None else upright(differs_from_key(stored, keyed), turn)
        values = np.ascontiguousarray(upright(stored, turn))
        return Samples(values[..., np.newaxis], valid, photograph=True, orientation=turn)
    grey = image.mode in ("1", "L")
    size = upright_size((image.height, image.width), turn)
    clear = image.has_transparency_data and keyed is None
    mode = "RGBA" if clear else "L" if grey else "RGB"
    pixels = np.empty((*size, 1 if mode == "L" else 3), np.uint8)
    valid = np.ones(size, np.bool_) if clear or keyed is not None else None
    for rows, part in strips_of(image):
        if keyed is not None and valid is not None:
            part.info.pop("transparency", None)
            as_stored(valid, turn)[rows] = differs_from_key(np.asarray(part), keyed)
        shown = part if part.mode == mode else part.convert(mode)
        if clear and valid is not None:
            as_stored(valid, turn)[rows] = np.asarray(shown.getchannel("A")) != 0
            shown = _over_white(shown)
        piece = np.asarray(shown)
        as_stored(pixels, turn)[rows] = piece.reshape(*piece.shape[:2], -1)
    if image.mode == "LA":
        pixels = pixels[..., :1]
    return Samples(pixels, valid, photograph=True, orientation=turn)


def _over_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _first_line(error: Exception) -> str:
    text = str(error).strip().split("\n")[0]
    return text or type(error).__name__
