"""An image cut into blocks, each with the window that is looked at to segment it."""

import math
from typing import NamedTuple

Box = tuple[slice, slice]
"""Rows and columns of a part of an image."""


class Block(NamedTuple):
    """A part of an image."""

    core: Box  # the blocks' cores cover the image without overlap
    window: Box  # the core and a margin around it, as far as the image goes

    @property
    def core_in_window(self) -> Box:
        """The core, counted from the window's corner."""
        rows, columns = (
            slice(core.start - window.start, core.stop - window.start)
            for core, window in zip(self.core, self.window, strict=True)
        )
        return rows, columns


def cut_into_blocks(shape: tuple[int, int], window_pixels: int, margin: int) -> list[Block]:
    """Cut an image into blocks of about equal size.

    Parameters
    ----------
    shape
        Height and width.
    window_pixels
        A window has at most about so many; more where the margin alone takes two thirds of its
        side.
    margin
        Pixels around a core.

    Returns
    -------
    The blocks in raster order: one where the image itself is no larger than a window.
    """
    height, width = shape
    if height * width <= window_pixels:
        whole = slice(0, height), slice(0, width)
        return [Block(whole, whole)]
    side = max(math.isqrt(window_pixels) - 2 * margin, margin, 1)
    return [
        Block((rows, columns), (_widened(rows, height, margin), _widened(columns, width, margin)))
        for rows in _equal_parts(height, side)
        for columns in _equal_parts(width, side)
    ]


def _equal_parts(length: int, longest: int) -> list[slice]:
    n_parts = -(-length // longest)
    ends = [length * i // n_parts for i in range(n_parts + 1)]
    return [slice(*ends[i : i + 2]) for i in range(n_parts)]


def _widened(part: slice, length: int, margin: int) -> slice:
    return slice(max(part.start - margin, 0), min(part.stop + margin, length))
