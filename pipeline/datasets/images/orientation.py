"""The orientation of a picture: EXIF's and TIFF's tag Orientation (TIFF 6.0, tag 274)."""

from typing import Any

from numpy.typing import NDArray
from PIL import ExifTags, Image

ORIENTATION = 274
"""The tag."""


def orientation_of(picture: Image.Image) -> int:
    """Return the orientation, 1 to 8, of a picture as Pillow has loaded it; 1 is upright.

    Of a TIFF it is always 1: Pillow turns those itself while it loads them.
    """
    return known(picture.getexif().get(ExifTags.Base.Orientation, 1))


def known(value: Any) -> int:
    """Return a tag's value, or 1 if it is none of the eight that exist."""
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def swaps_axes(orientation: int) -> bool:
    """Say whether rows become columns."""
    return orientation >= 5


def upright_size(stored: tuple[int, ...], orientation: int) -> tuple[int, int]:
    """Return the height and width of the upright picture."""
    height, width = stored[:2]
    return (width, height) if swaps_axes(orientation) else (height, width)


def upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return an upright view of a stored (H, W, …) array."""
    rows, columns = _steps(orientation)
    flipped = stored[::rows, ::columns]
    return flipped.swapaxes(0, 1) if swaps_axes(orientation) else flipped


def as_stored(seen: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of an upright (H, W, …) array in the order in which the file stores it."""
    rows, columns = _steps(orientation)
    stored = seen.swapaxes(0, 1) if swaps_axes(orientation) else seen
    return stored[::rows, ::columns]


def walked_back(orientation: int) -> tuple[bool, bool]:
    """Say whether stored rows, and stored columns, run from last to first when upright."""
    return orientation in (3, 4, 6, 7), orientation in (2, 3, 7, 8)


def _steps(orientation: int) -> tuple[int, int]:
    rows, columns = walked_back(orientation)
    return (-1 if rows else 1), (-1 if columns else 1)
