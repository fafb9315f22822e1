"""Kinds of a TIFF's pages: images, masks of them, or smaller copies (TIFF 6.0, p. 36).

The tag NewSubfileType says it, in old files SubfileType; pages that PhotometricInterpretation
calls transparency masks are masks. GDAL writes its overviews and internal masks so, in any order.
Pages in sub-directories (SubIFDs) are never counted: reduced copies there are skipped,
and a page whose image or mask is there is refused.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spam_pipe.pipeline.errors import DataError

_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _PHOTOMETRIC = 254, 255, 262
_REDUCED, _MASK, _DEPTH = 1, 4, 8  # bits of NewSubfileType; the last is DNG's
_OLD_REDUCED = 2  # of SubfileType
_MASK_PHOTOMETRIC = 4
SUBDIRECTORIES = 330
"""The tag SubIFDs."""

_SHORT, _LONG = 3, 4
_MOST_TAGS = 4096
_FIRST_OFFSET = {42: 4, 43: 8}
"""The header's field that points to the first page, by version: TIFF and BigTIFF."""


@dataclass(frozen=True)
class Pages:
    """The pages of a TIFF by what they are; numbers count pages from 0.

    Attributes
    ----------
    images
        Those that are images at full size.
    masks
        For an image that has one, its transparency mask.
    """

    images: tuple[int, ...]
    masks: Mapping[int, int] = field(default_factory=dict)


def pages_of(file: Any, path: Path) -> Pages:
    """Sort the pages of a TIFF (of tifffile) into images and masks.

    A mask belongs to the last image before it. Where no page is an image, the first one counts.

    Raises
    ------
    DataError
        When an image has two masks, or a mask no image.
    """
    images: list[int] = []
    masks: dict[int, int] = {}
    for number, kind in enumerate(_kinds(file)):
        if kind & (_REDUCED | _DEPTH):
            continue
        if not kind & _MASK:
            images.append(number)
            continue
        image = images[-1] if images else -1
        if image in masks:
            raise DataError(
                f"{path}: has two masks of one image (pages {masks[image] + 1} and {number + 1}); "
                "keep one"
            )
        masks[image] = number
    if images and -1 in masks:
        raise DataError(f"{path}: begins with a mask of no image; save it again")
    return Pages(tuple(images), masks) if images else Pages((0,))


def check_subdirectories(page: Any, path: Path) -> None:
    """Refuse a page (of tifffile) whose picture or mask is in a sub-directory.

    Raises
    ------
    DataError
        Naming what the sub-directory holds.
    """
    if SUBDIRECTORIES not in page.tags or page.pages is None:
        return
    reduced = int(page.subfiletype) & _REDUCED
    for inner in page.pages:
        kind, larger = int(inner.subfiletype), inner.size > page.size
        if kind & (_REDUCED | _DEPTH):
            continue
        if kind & _MASK or inner.photometric == _MASK_PHOTOMETRIC:
            raise DataError(
                f"{path}: keeps its mask in a sub-directory (SubIFDs), where no mask is read; save "
                "it with an internal mask, or beside it as .msk"
            )
        if larger or reduced:
            raise DataError(
                f"{path}: begins with a small copy of the image, which is in a sub-directory "
                "(SubIFDs), as in a camera's raw files; save it as a plain TIFF"
            )


def _kinds(file: Any) -> Iterator[int]:
    """Yield the NewSubfileType of every page, with the bit of masks where only colours say it.

    The chain of directories is walked here: tifffile would read every tag of every page.
    """
    form = file.tiff
    order = form.byteorder
    stream = file.filehandle
    stream.seek(_FIRST_OFFSET[form.version])
    (offset,) = struct.unpack(form.offsetformat, stream.read(form.offsetsize))
    seen: set[int] = set()
    while offset and offset not in seen and offset < stream.size:
        seen.add(offset)
        stream.seek(offset)
        (n_tags,) = struct.unpack(form.tagnoformat, stream.read(form.tagnosize))
        if n_tags > _MOST_TAGS:
            return
        content = stream.read(n_tags * form.tagsize + form.offsetsize)
        if len(content) < n_tags * form.tagsize + form.offsetsize:
            return
        kind = 0
        for start in range(0, n_tags * form.tagsize, form.tagsize):
            code, kind_of_number = struct.unpack_from(f"{order}HH", content, start)
            if code > _PHOTOMETRIC:
                break
            if kind_of_number not in (_SHORT, _LONG):
                continue
            number = "H" if kind_of_number == _SHORT else "I"
            place = start + form.tagsize - form.tagoffsetthreshold
            (value,) = struct.unpack_from(order + number, content, place)
            if code == _NEW_SUBFILE_TYPE:
                kind |= value
            elif code == _SUBFILE_TYPE and value == _OLD_REDUCED:
                kind |= _REDUCED
            elif code == _PHOTOMETRIC and value == _MASK_PHOTOMETRIC:
                kind |= _MASK
        yield kind
        (offset,) = struct.unpack_from(form.offsetformat, content, n_tags * form.tagsize)
