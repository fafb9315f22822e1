"""DICOM images, through the extra ``dicom``."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.guards.limits import check_packing, check_size, pillow_limit
from spam_pipe.pipeline.datasets.images.bands import Limits, Reading, Samples
from spam_pipe.pipeline.datasets.images.planes import Lengths, check_plane
from spam_pipe.pipeline.errors import DataError

_OVERLAYS, _OVERLAY_ROWS = range(0x6000, 0x6020, 2), 0x0010
_DEFLATED = "1.2.840.10008.1.2.1.99"


def dicom_planes(path: Path) -> Lengths:
    """Return how many frames a file has."""
    with _opened(path) as file:
        return {"f": _n_frames(_header(path, file))}


def read_dicom(path: Path, reading: Reading, plane: str | None) -> Samples:
    """Read a frame, its values rescaled to their unit, its window as the limits of grey.

    Raises
    ------
    DataError
        When it can't be read, is too large, has no such frame, or pydicom or what decompresses
        the pixels is not installed.
    """
    with _opened(path) as file:
        return _read(path, file, reading, plane)


def _read(path: Path, file: "_Bounded", reading: Reading, plane: str | None) -> Samples:
    header = _header(path, file)
    per_pixel = int(header.get("SamplesPerPixel", 1)) * int(header.get("BitsAllocated", 8)) // 8
    height, width = int(header.get("Rows", 0)), int(header.get("Columns", 0))
    check_size(path, height, width, reading.max_pixels, max(1, per_pixel))
    check_packing(path, height * width * max(1, per_pixel), height * width * (2 * per_pixel + 20))
    high, stored_bits = header.get("HighBit"), header.get("BitsStored")
    if None not in (high, stored_bits) and int(high) != int(stored_bits) - 1:
        raise DataError(
            f"{path}: its highest bit is {high} where {stored_bits} bits are stored, as DICOM no "
            "longer allows; save it again"
        )
    n_frames = _n_frames(header)
    frame = check_plane(plane, {"f": n_frames}, path)["f"]
    _require_decoder(header, path)
    from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array

    file.seek(0)
    with pillow_limit(height * width):  # a JPEG inside may state another size
        stored: NDArray[Any] = pixel_array(file, index=frame)
    kind = str(header.get("PhotometricInterpretation", "MONOCHROME2"))
    facts: dict[str, Any] = {}
    if plane is None and n_frames > 1:
        facts["first_of"] = {"f": n_frames}
    if overlays := [group for group in _OVERLAYS if (group, _OVERLAY_ROWS) in header]:
        facts["overlays"] = len(overlays)  # drawings by hand or machine, no part of the picture
    if kind == "PALETTE COLOR":
        return Samples(_high_byte(apply_color_lut(stored, header)), facts=facts)
    if stored.ndim == 3:
        return Samples(stored, facts=facts)
    of_frame = _frame_header(header, frame)
    values = np.asarray(apply_modality_lut(stored, of_frame))
    if values.dtype == np.float64:
        values = values.astype(np.float32)
    valid = _without_padding(stored, header)
    limits = _window(of_frame)
    bits = int(header.get("BitsStored", 8))
    if limits is not None and str(of_frame.get("VOILUTFunction", "")) == "SIGMOID":
        middle, span = sum(limits) / 2, limits[1] - limits[0]  # C.11.2.1.3.1
        with np.errstate(over="ignore"):
            values = 1 / (1 + np.exp(-4 * (values.astype(np.float32) - middle) / span))
        limits = 0.0, 1.0
    elif limits is None and values.dtype == np.uint8 and bits < 8:
        limits = 0.0, 2.0**bits - 1
    if limits is None and of_frame.get("VOILUTSequence"):
        values, limits = _through_table(values, of_frame)
    if kind == "MONOCHROME1":
        bright = np.float32(255) if values.dtype == np.uint8 else np.float32(0)
        values = (bright - values.astype(np.float32)).astype(values.dtype if bright else np.float32)
        limits = None if limits is None else (-limits[1], -limits[0])
    return Samples(values[..., np.newaxis], valid, limits=limits, facts=facts)


def _through_table(values: NDArray[Any], header: Any) -> tuple[NDArray[Any], Limits]:
    """Apply the first table of VOILUTSequence; return its values and range (C.11.2.1.1)."""
    from pydicom.pixels import apply_voi

    shown = apply_voi(np.rint(values).astype(np.int64), header)
    bits = int(header.VOILUTSequence[0].LUTDescriptor[2])
    return shown, (0.0, 2.0**bits - 1)


def _frame_header(header: Any, frame: int) -> Any:
    """Return the attributes of one frame: enhanced images keep them in functional groups."""
    from pydicom.dataset import Dataset

    groups = [
        *(header.get("SharedFunctionalGroupsSequence") or [])[:1],
        *(header.get("PerFrameFunctionalGroupsSequence") or [])[frame : frame + 1],
    ]
    found = [
        macro[0]
        for group in groups
        for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence")
        if (macro := group.get(name))
    ]
    if not found:
        return header
    merged = Dataset()
    for each in (header, *found):
        for name in _OF_FRAMES:
            if name in each:
                setattr(merged, name, each.get(name))
    return merged


_OF_FRAMES = (
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
    *("BitsStored", "BitsAllocated", "PixelRepresentation", "PhotometricInterpretation"),
)


class _Bounded(FileIO):
    """A file that is read no further than its end: elements may state any length."""

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, os.fstat(self.fileno()).st_size - self.tell())
        wanted = left if size is None or size < 0 else min(size, left)
        return super().read(wanted) or b""


@contextmanager
def _opened(path: Path) -> Iterator[_Bounded]:
    try:
        with _Bounded(path, "rb") as file:
            yield file
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except Exception as error:  # a decoder may fail in any way, or need another package
        raise _unreadable(path, error) from error


def _require_decoder(header: Any, path: Path) -> None:
    """Refuse pixels whose compression no installed package decodes."""
    from pydicom.pixels import get_decoder

    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_compressed:
        return
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        raise _unreadable(path, ValueError(f"pydicom knows no {syntax.name} pixels")) from None
    if not available:
        raise DataError(
            f"{path}: nothing here decompresses {syntax.name} pixels: pip install python-gdcm, or "
            "save it uncompressed"
        )


def _header(path: Path, file: _Bounded) -> Any:
    try:
        from pydicom import dcmread
        from pydicom.filereader import _read_file_meta_info, read_preamble
    except ImportError as error:
        raise DataError(f"{path}: reading DICOM takes pip install 'spam-pipe[dicom]'") from error
    read_preamble(file, force=False)
    deflated = _read_file_meta_info(file).get("TransferSyntaxUID") == _DEFLATED
    file.seek(0)
    if deflated:  # pydicom would unpack it as a whole, of any size
        raise DataError(f"{path}: is a deflated DICOM file; save it with another transfer syntax")
    return dcmread(file, stop_before_pixels=True)


def _n_frames(header: Any) -> int:
    return max(1, int(header.get("NumberOfFrames", 1) or 1))


def _window(header: Any) -> Limits | None:
    """Return the window's ends (PS3.3 C.11.2.1.2.1); None without a window."""
    center, width = (_first(header.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if center is None or width is None or width <= 1:
        return None
    if str(header.get("VOILUTFunction", "LINEAR")) == "LINEAR":
        return center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    return center - width / 2, center + width / 2


def _first(value: Any) -> float | None:
    if value is None:
        return None
    several = not isinstance(value, (str, float, int)) and hasattr(value, "__len__")
    if several and len(value) == 0:
        return None
    return float(value[0] if several else value)


def _without_padding(stored: NDArray[Any], header: Any) -> NDArray[np.bool_] | None:
    """Return where stored values are not padding; None where no padding value is given.

    Its value representation is to be that of the pixels (PS3.3 C.7.5.1.1.2), and often is not:
    63536 stands for -2000 beside signed pixels. So it is brought to the pixels' kind bit by bit.
    """
    floats = stored.dtype.kind == "f"
    low = header.get("DoubleFloatPixelPaddingValue", header.get("FloatPixelPaddingValue"))
    high = header.get(
        "DoubleFloatPixelPaddingRangeLimit", header.get("FloatPixelPaddingRangeLimit")
    )
    if not floats:
        low, high = header.get("PixelPaddingValue"), header.get("PixelPaddingRangeLimit")
    if low is None:
        return None
    ends = [low, low if high is None else high]
    low, high = sorted(float(each) if floats else _as_stored(each, header) for each in ends)
    if floats:
        low, high = np.float32(low), np.float32(high)
    return np.asarray((stored < low) | (stored > high))


def _as_stored(value: Any, header: Any) -> int:
    """Convert an integer to the pixels' representation, signed or unsigned."""
    if isinstance(value, bytes):  # of an unknown value representation
        value = int.from_bytes(value[:2], "little")
    bits, used = int(header.get("BitsAllocated", 16)), int(header.get("BitsStored", 16))
    plain = int(value) & ((1 << bits) - 1)
    if int(header.get("PixelRepresentation", 0)) != 1:
        return plain
    bits = used if plain < 1 << used else bits
    return plain - (1 << bits) if plain >> (bits - 1) else plain


def _high_byte(colors: NDArray[Any]) -> NDArray[np.uint8]:
    deep = colors.dtype.itemsize > 1
    return (colors >> 8 if deep else colors).astype(np.uint8)


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    return DataError(f"{path}: is not a DICOM image that can be read ({reason}); save it as PNG")
