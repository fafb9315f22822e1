"""Superpixels asked for by their size instead of their number."""

import re
from math import floor
from typing import Annotated

from pydantic import AfterValidator

from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Item

_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(px|m|)\s*")


def canonical_size(text: str) -> str:
    """Return a size as units of a run are named: ``20px`` for ``20``, ``20m`` for ``20 m``.

    Raises
    ------
    ValueError
        When it is no size.
    """
    match = _SIZE.fullmatch(text)
    if match is None or float(match[1]) <= 0:
        raise ValueError(
            f"a size is an edge in pixels, such as 20, or on the ground: 20m, not {text}"
        )
    return f"{float(match[1]):g}{match[2] or 'px'}"


def _canonical(sizes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(canonical_size, sizes)))


Sizes = Annotated[tuple[str, ...], AfterValidator(_canonical)]


def say_size(size: str) -> str:
    """Return a canonical size as a person reads it: ``20 px``."""
    number = size.rstrip("pxm")
    return f"{number} {size[len(number) :]}"


def count_for(size: str, n_pixels: int, shape: tuple[int, int], item: Item) -> int:
    """Return how many superpixels of a size an item's valid pixels make: area / size², at least 1.

    Parameters
    ----------
    size
        A canonical size.
    n_pixels
        Number of valid pixels.
    shape
        Height and width of the image.
    item
        Asked for its georeference where the size is one on the ground.

    Raises
    ------
    DataError
        When the size is on the ground and the image's pixels have none in metres.
    """
    edge = float(size.rstrip("pxm"))
    area = 1.0 if size.endswith("px") else _pixel_area(size, shape, item)
    return max(1, floor(n_pixels * area / edge**2 + 0.5))


def _pixel_area(size: str, shape: tuple[int, int], item: Item) -> float:
    """Return the square metres on the ground of a pixel, mean over the image."""
    from spam_pipe.pipeline.datasets.images.georeference import (
        georeference_of,
        mean_square_metres,
        why_not_georeferenced,
    )

    found = georeference_of(item)
    if found is None or not found.crs:
        why = why_not_georeferenced(item) or "has no georeference"
        raise DataError(
            f"{item.id}: {why}, so nobody knows how large {size} is in it; give the "
            "size in pixels, such as --superpixel-size 20"
        )
    return mean_square_metres(found, shape, item)
