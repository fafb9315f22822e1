"""GDAL's ``a.jpg.aux.xml`` beside an image: no data, units, georeference."""

import re
from pathlib import Path

from spam_pipe.pipeline.errors import DataError

_LARGEST_XML = 2**24

# GDAL itself writes these; a parser of XML would be one more that untrusted files reach.
BAND = re.compile(r'<PAMRasterBand\s+band="(\d+)"\s*>(.*?)</PAMRasterBand>', re.DOTALL)
NODATA, SCALE, OFFSET = (
    re.compile(rf"<{name}(?:\s[^>]*)?>\s*([^<\s]+)\s*</{name}>")
    for name in ("NoDataValue", "Scale", "Offset")
)


def xml_beside(path: Path) -> Path:
    """Return the path of GDAL's metadata of an image."""
    return path.with_name(f"{path.name}.aux.xml")


def refuse_of_palette(path: Path) -> None:
    """Refuse an image with a palette whose metadata name values: they mean its indices."""
    if xml_beside(path).is_file() and changes_pixels(xml_beside(path)):
        raise DataError(
            f"{xml_beside(path)}: gives values of palette indices, which are not read; save "
            "the image without a palette"
        )


def changes_pixels(file: Path) -> bool:
    """Say whether a file changes pixels; statistics and georeference do not."""
    fields = (NODATA, SCALE, OFFSET)
    return file.suffix != ".xml" or any(
        field.search(text) for text in [xml_text(file)] for field in fields
    )


def xml_text(path: Path) -> str:
    """Return the text of a file of metadata, at most 16 MiB of it."""
    with path.open("rb") as file:
        return file.read(_LARGEST_XML).decode("utf-8", "replace")
