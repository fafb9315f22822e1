"""Files that GDAL writes beside an image: masks, nodata values, units, georeference.

``a.jpg.msk`` is a TIFF of the image's size, 0 where there is no data. ``a.jpg.aux.xml`` names the
values that stand for no data, the unit of the values, and where the image lies. Both go for every
kind of file, and are of the grid that the file stores, before it is turned upright.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.images.bands import Samples, rescaled
from spam_pipe.pipeline.datasets.images.cubes import envi_data
from spam_pipe.pipeline.datasets.images.kinds import is_envi_header
from spam_pipe.pipeline.datasets.images.orientation import upright
from spam_pipe.pipeline.datasets.images.sidecar_xml import (
    BAND,
    NODATA,
    OFFSET,
    SCALE,
    changes_pixels,
    xml_beside,
    xml_text,
)
from spam_pipe.pipeline.errors import DataError


def mask_beside(path: Path) -> Path:
    """Return the path of GDAL's mask of an image."""
    return path.with_name(f"{path.name}.msk")


def sidecars(path: Path) -> list[Path]:
    """Return the files beside an image that change its pixels."""
    beside = [
        file
        for file in (mask_beside(path), xml_beside(path))
        if file.is_file() and changes_pixels(file)
    ]
    return [envi_data(path), *beside] if is_envi_header(path) else beside


def with_sidecars(samples: Samples, path: Path) -> Samples:
    """Apply the masks, nodata values and units of the files beside an image.

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
    beside = xml_beside(path)
    if not beside.is_file():
        return samples
    if samples.nodata is None:
        nodata = _each_band(beside, NODATA, samples)
        if any(value is not None for value in nodata):
            shared = nodata[0] if len({*nodata}) == 1 else tuple(nodata)
            samples = replace(samples, nodata=shared, photograph=False)
    if "scaled" in samples.facts:
        return samples
    scales, offsets = (_each_band(beside, field, samples) for field in (SCALE, OFFSET))
    return rescaled(
        samples,
        [
            (1.0 if scale is None else scale, 0.0 if offset is None else offset)
            for scale, offset in zip(scales, offsets, strict=True)
        ],
    )


def _read_mask(path: Path) -> NDArray[np.bool_]:
    from spam_pipe.pipeline.datasets.images.bands import Reading
    from spam_pipe.pipeline.datasets.images.tiff import read_tiff

    return np.asarray((read_tiff(path, Reading(), None).values != 0).any(axis=2))


def _each_band(path: Path, field: re.Pattern[str], samples: Samples) -> list[float | None]:
    """Return a field's value for each band; None where a band has none."""
    n_bands = samples.values.shape[2]
    numbers = samples.numbers or tuple(range(1, n_bands + 1))
    values: dict[int, float] = {}
    for band, content in BAND.findall(xml_text(path)):
        if found := field.search(content):
            try:
                values[int(band)] = float(found[1])
            except ValueError as error:
                name = field.pattern[1:].partition("(")[0]
                raise DataError(f"{path}: its {name} is '{found[1]}', no number") from error
    return [values.get(number) for number in numbers]
