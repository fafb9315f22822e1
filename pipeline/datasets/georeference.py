"""Where on the ground an image lies."""

from dataclasses import dataclass

from pipeline.datasets.base import Item


@dataclass(frozen=True)
class Georeference:
    """The grid of a georeferenced image.

    Attributes
    ----------
    crs
        The coordinate reference system as WKT.
    transform
        (a, b, c, d, e, f): the upper left corner of the pixel at (row, column) lies at
        x = a · column + b · row + c and y = d · column + e · row + f.
    """

    crs: str
    transform: tuple[float, float, float, float, float, float]


def georeference_of(item: Item) -> Georeference | None:
    """Return where an item's image lies; None where nothing says so."""
    return None
