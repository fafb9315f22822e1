"""Facts of a PNG that Pillow lacks (W3C, PNG third edition): 16 bits in colour, the tRNS chunk."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.errors import DataError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _RGBA = 0, 2, 6  # colour types
_MOST_CHUNKS = 10_000


@dataclass(frozen=True)
class PngKind:
    """The layout of a PNG's samples.

    Attributes
    ----------
    depth
        Bits of a sample.
    color_type
        0 grey, 2 RGB, 3 palette, 4 grey with opacity, 6 RGB with opacity.
    key
        Grey or colour that is transparent, in samples of that depth; None where there is none.
    """

    depth: int
    color_type: int
    key: tuple[int, ...] | None = None

    @property
    def is_deep_color(self) -> bool:
        """Whether it has 16 bits for each of several bands; Pillow reads 8 of them."""
        return self.depth == 16 and self.color_type != _GREY

    @property
    def is_grey(self) -> bool:
        """Whether it has one band and no palette."""
        return self.color_type == _GREY


def png_kind(path: Path) -> PngKind | None:
    """Return how a PNG stores its samples; None if the file is no PNG."""
    with path.open("rb") as file:
        if file.read(8) != _SIGNATURE:
            return None
        depth = color_type = 0
        for _ in range(_MOST_CHUNKS):
            head = file.read(8)
            if len(head) < 8:
                break
            length, name = struct.unpack(">I4s", head)
            if name in (b"IDAT", b"IEND"):
                break
            if name == b"IHDR" and length == 13:
                _, _, depth, color_type = struct.unpack(">IIBB3x", file.read(13))
                file.seek(4, 1)
            elif name == b"tRNS" and length in (2, 6) and color_type in (_GREY, _RGB):
                key = struct.unpack(f">{length // 2}H", file.read(length))
                most = (1 << depth) - 1  # other bits than these are not used
                return PngKind(depth, color_type, tuple(each & most for each in key))
            else:
                file.seek(length + 4, 1)
    return PngKind(depth, color_type)


def decode_deep(path: Path) -> NDArray[np.uint16]:
    """Return the (H, W, C) uint16 samples of a 16-bit PNG, opacity (also of tRNS) last.

    Raises
    ------
    DataError
        When imagecodecs, which reads them, is not installed.
    """
    try:
        from imagecodecs import png_decode
    except ImportError as error:
        raise DataError(
            f"{path}: its 16 bits in colour take imagecodecs to read: pip install 'spam-pipe[tiff]'"
        ) from error
    samples: NDArray[np.uint16] = np.asarray(png_decode(path.read_bytes()), np.uint16)
    return samples


def differs_from_key(values: NDArray[Any], kind: PngKind) -> NDArray[np.bool_]:
    """Return where (H, W) grey or (H, W, 3) samples differ from the transparent colour.

    Parameters
    ----------
    values
        As Pillow gives them: samples of less than 8 bits spread over 0..255, bits as booleans.
    kind
        A kind with a key.
    """
    assert kind.key is not None
    key = np.array(kind.key)
    if kind.depth < 8 and values.dtype != np.bool_:
        key = key * (255 // ((1 << kind.depth) - 1))
    differs = values != (key if values.ndim == 3 else key[0])
    return np.asarray(differs.any(axis=2) if values.ndim == 3 else differs)
