"""Inference with any engine: an image in, deep features and contour probability out."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from spam_pipe.stages.clustering.task import Map

_SIDE = 1184
"""A multiple of every network's stride."""

LARGEST_WHOLE = _SIDE**2
"""An image of more pixels goes through in tiles, of at most `_SIDE` pixels a side."""

FRAME = 5
"""Pixels at the frame whose contour is that of the nearest pixel farther in.

The last pixels of a photograph are often darker, which looks like a contour along the frame and is
none: no annotator of BSD marks one. Contours that run into the frame stay.
"""

Shape = tuple[int, int]
"""Height and width."""

Window = tuple[slice, slice]
"""Rows and columns."""


class Forward(NamedTuple):
    """A network's result for an image, in memory."""

    deep: NDArray[np.float32]  # (H, W, C) float32, the deep features F_e
    # (H, W) float32, contour probability; None from a network without a contour head. The frame
    # itself is none, though photographs often have a dark rim there.
    contour: NDArray[np.float32] | None

    def to_arrays(self) -> "Forward":
        """Return itself: it is in memory."""
        return self


class Computed(Protocol):
    """A network's result for an image, in memory or on the device that computed it."""

    @property
    def deep(self) -> "Map":
        """(H, W, C) float32, the deep features F_e."""

    @property
    def contour(self) -> "Map | None":
        """(H, W) float32, contour probability; None from a network without a contour head."""

    def to_arrays(self) -> Forward:
        """Return the same in memory."""


class Encoder(ABC):
    """A network ready for inference."""

    @property
    @abstractmethod
    def takes_positions(self) -> bool:
        """Whether `forward` needs the classical features, which depend on K."""

    @abstractmethod
    def forward_on_device(
        self, lab: NDArray[np.float32], classical: NDArray[np.float32] | None = None
    ) -> Computed:
        """Compute an image's deep features and leave them where they are.

        Parameters
        ----------
        lab
            (H, W, 3) float32, CIELab, of any size from 1×1.
        classical
            (H, W, 5) float32, scaled colours and positions (METHOD.md, section 1); needed where
            `takes_positions`, else not looked at.

        Raises
        ------
        ValueError
            When the image has no pixels, a wrong shape, or holds NaN or infinite values, or
            when the classical features are needed and missing.
        """

    def forward(
        self, lab: NDArray[np.float32], classical: NDArray[np.float32] | None = None
    ) -> Forward:
        """Compute an image's deep features and bring them into memory (`forward_on_device`)."""
        return self.forward_on_device(lab, classical).to_arrays()

    def input_of(
        self, lab: NDArray[np.float32], classical: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        """Return what the network takes of what `forward_on_device` is given, which is checked."""
        image = as_lab(lab)
        if not self.takes_positions:
            return image
        if classical is None:
            raise ValueError("this network needs the scaled colours and positions too")
        return _checked(classical, 5, "classical features")


def as_lab(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an (H, W, 3) Lab image as networks take it.

    Raises
    ------
    ValueError
        When it has no pixels, a wrong shape, or holds NaN or infinite values.
    """
    return _checked(image, 3, "Lab image")


def _checked(image: NDArray[np.float32], channels: int, name: str) -> NDArray[np.float32]:
    if image.ndim != 3 or image.shape[2] != channels or not image.size:
        raise ValueError(f"{name} of shape {image.shape}; expected (height, width, {channels})")
    if not np.isfinite(image).all():
        raise ValueError(f"{name} holds NaN or infinite values")
    return np.ascontiguousarray(image, dtype=np.float32)


class Tile(NamedTuple):
    """A part of a large image that goes through the network at a time."""

    seen: Window  # the part of the image that the network reads
    core: Window  # the part of its answer that is the same as if it had seen the whole
    place: Window  # where that belongs in the image


def goes_whole(shape: Shape) -> bool:
    """Say whether an image goes through a network as a whole."""
    return shape[0] * shape[1] <= LARGEST_WHOLE


def tiles(shape: Shape, reach: int) -> Iterator[Tile]:
    """Cut an image of more than `LARGEST_WHOLE` pixels for a network that sees so far.

    Tiles begin at multiples of the network's stride, so that all scales meet the same pixels as
    in the whole image.
    """
    height, width = shape
    for rows in _cores(height, reach):
        for columns in _cores(width, reach):
            seen_rows, core_rows = _widen(rows, height, reach)
            seen_columns, core_columns = _widen(columns, width, reach)
            yield Tile((seen_rows, seen_columns), (core_rows, core_columns), (rows, columns))


def _cores(length: int, reach: int) -> Iterator[slice]:
    """Cut an axis into the tiles' cores: as far as a tile sees, less what it needs beside."""
    start = 0
    while start < length:
        end = max(start - reach, 0) + _SIDE
        stop = length if end >= length else end - reach
        yield slice(start, stop)
        start = stop


def _widen(core: slice, length: int, reach: int) -> tuple[slice, slice]:
    """Return what a tile sees of an axis, and its core within that."""
    start, stop = max(core.start - reach, 0), min(core.stop + reach, length)
    return slice(start, stop), slice(core.start - start, core.stop - start)
