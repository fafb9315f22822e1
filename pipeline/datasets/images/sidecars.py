"""Files beside an image in which GDAL keeps what the image has no place for.

``a.jpg.msk`` is a TIFF of the image's size, 0 where there is no data. ``a.jpg.aux.xml`` names the
values that stand for no data, and where the image lies. Both go for every kind of file, and are
of the grid that the file stores, before it is turned upright.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.images.bands import Nodata, Samples
from spam_pipe.pipeline.datasets.images.orientation import upright
from spam_pipe.pipeline.errors import DataError

_LARGEST_XML = 2**24

# GDAL itself writes these; a parser of XML would be one more that untrusted files reach.
_BAND = re.compile(r'<PAMRasterBand\s+band="(\d+)"\s*>(.*?)</PAMRasterBand>', re.DOTALL)
_NODATA = re.compile(r"<NoDataValue(?:\s[^>]*)?>\s*([^<\s]+)\s*</NoDataValue>")


def mask_beside(path: Path) -> Path:
    """Return where GDAL's mask of an image would be."""
    return path.with_name(f"{path.name}.msk")


def xml_beside(path: Path) -> Path:
    """Return where GDAL's facts of an image would be."""
    return path.with_name(f"{path.name}.aux.xml")


def sidecars(path: Path) -> list[Path]:
    """Return the files beside an image that say which of its pixels have data."""
    return [
        file for file in (mask_beside(path), xml_beside(path)) if file.is_file() and _counts(file)
    ]


def with_sidecars(samples: Samples, path: Path) -> Samples:
    """Return what a file holds with what the files beside it mask.

    Raises
    ------
    DataError
        When one of them can't be read, or is of another size.
    """
    if mask_beside(path).is_file():
        mask = _read_mask(mask_beside(path))
        stored = upright(mask, samples.orientation)
        if stored.shape != samples.values.shape[:2]:
            raise DataError(
                f"{mask_beside(path)}: is {mask.shape[0]} × {mask.shape[1]}, the image is not; "
                "write it again or remove it"
            )
        valid = stored if samples.valid is None else stored & samples.valid
        samples = replace(samples, valid=valid)
    if samples.nodata is None and xml_beside(path).is_file():
        nodata = _nodata_in(xml_beside(path), samples.values.shape[2])
        samples = replace(samples, nodata=nodata, photograph=samples.photograph and nodata is None)
    return samples


def _counts(file: Path) -> bool:
    """Say whether a file says anything of pixels; statistics and places alone do not."""
    return file.suffix != ".xml" or bool(_NODATA.search(_text(file)))


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LARGEST_XML).decode("utf-8", "replace")


def _read_mask(path: Path) -> NDArray[np.bool_]:
    from spam_pipe.pipeline.datasets.images.bands import Reading
    from spam_pipe.pipeline.datasets.images.tiff import read_tiff

    return np.asarray((read_tiff(path, Reading(), None).values != 0).any(axis=2))


def _nodata_in(path: Path, n_bands: int) -> Nodata:
    values: list[float | None] = [None] * n_bands
    for band, content in _BAND.findall(_text(path)):
        if (found := _NODATA.search(content)) and 1 <= int(band) <= n_bands:
            try:
                values[int(band) - 1] = float(found[1])
            except ValueError as error:
                raise DataError(f"{path}: its NoDataValue is '{found[1]}', no number") from error
    if all(value is None for value in values):
        return None
    return values[0] if len({*values}) == 1 else tuple(values)
