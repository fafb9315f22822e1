"""The resolution that superpixels ask for, and the way back to the image's own.

What tells a superpixel of a thousand pixels a side from the next is not seen pixel by pixel: the
network knows photographs at some forty pixels a superpixel. Larger superpixels are made in a
smaller image, and their borders brought back by joint upsampling (Kopf et al., "Joint bilateral
upsampling", SIGGRAPH 2007): each pixel joins, of the superpixels around it in the small image,
the one whose pixels it is most like.
"""

import math
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.stages.compiled import kernel, part, record
from spam_pipe.stages.regions.connectivity import (
    absorb_small,
    connected_components,
    count_labels,
    region_owners,
    value_of_each,
)
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects
from spam_pipe.stages.sharing import share_out

Value = TypeVar("Value", bound=np.generic)

WIDTH = 40
"""Least width of a superpixel in a reduced image."""

_BAND = 512
_LIKENESS = 20.0
"""Distance in sRGB, 0..255, at which a neighbour counts half."""


def reduction_for(n_pixels: int, n_superpixels: int) -> int:
    """Return by what whole factor an image's sides may shrink before it is segmented."""
    return max(1, int(math.sqrt(n_pixels / n_superpixels) / WIDTH))


def reduce_image(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Average squares of `factor` pixels a side; at the far edges of what is left.

    Parameters
    ----------
    image
        (H, W, 3) uint8.

    Returns
    -------
    (⌈H / factor⌉, ⌈W / factor⌉, 3) uint8.
    """
    if factor == 1:
        return image
    band = factor * max(1, _BAND // factor)
    rows = range(0, image.shape[0], band)
    return np.concatenate(
        [np.asarray(Image.fromarray(image[row : row + band]).reduce(factor)) for row in rows]
    )


def reduce_bands(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Average squares of `factor` pixels a side of (H, W, C) components, as `reduce_image` does."""
    if factor == 1:
        return values
    for axis in (0, 1):
        firsts = np.arange(0, values.shape[axis], factor)
        lengths = np.diff(np.append(firsts, values.shape[axis])).astype(np.float32)
        sums = np.add.reduceat(values, firsts, axis=axis)
        others = [each for each in range(3) if each != axis]
        values = (sums / np.expand_dims(lengths, others)).astype(np.float32)
    return values


def reduce_map(values: NDArray[Value], factor: int) -> NDArray[Value]:
    """Take the value in the middle of each square of `factor` pixels a side.

    Parameters
    ----------
    values
        (H, W) of any kind.

    Returns
    -------
    (⌈H / factor⌉, ⌈W / factor⌉), the same kind.
    """
    if factor == 1:
        return values
    rows, columns = (
        np.minimum(np.arange(0, length, factor) + factor // 2, length - 1)
        for length in values.shape
    )
    taken: NDArray[Value] = values[np.ix_(rows, columns)]
    return taken


def enlarge_labels(
    labels: Labels,
    reduced: NDArray[np.uint8],
    image: NDArray[np.uint8],
    factor: int,
    *,
    owners: NDArray[np.int32],
    objects: Objects | None = None,
    valid: NDArray[np.bool_] | None = None,
) -> Labels:
    """Bring superpixels of a reduced image to the image's own size.

    Each pixel joins, of the superpixels of the nine nearest pixels of the reduced image, the one
    with the largest sum of weights: near pixels (a quadratic spline) of like colour count more.
    Where an object has none of its own there, its pixels become superpixels of their own.

    Parameters
    ----------
    labels
        (h, w) int32 in 0..n-1, -1 outside.
    reduced
        (h, w, 3) uint8, `reduce_image` of the image.
    image
        (H, W, 3) uint8.
    factor
        By which the image was reduced.
    owners
        (n,) int32 object of each superpixel.
    objects
        (H, W) int32: a pixel of an object only joins superpixels that it owns, an uncertain one
        (0) any. Without them all pixels are free to join any.
    valid
        (H, W) bool: the others get -1.

    Returns
    -------
    (H, W) int32 in 0..n-1 or, where a pixel found none to join, n + its object; -1 outside.
    """
    height, width, _ = image.shape
    whole = np.empty((height, width), np.int32)
    has_objects, has_valid = objects is not None, valid is not None
    labels, reduced = np.ascontiguousarray(labels), np.ascontiguousarray(reduced)
    image = np.ascontiguousarray(image)
    own = np.zeros((1, 1), np.int32) if objects is None else np.ascontiguousarray(objects)
    counts = np.zeros((1, 1), np.bool_) if valid is None else np.ascontiguousarray(valid)

    small = _Reduced(labels, reduced, factor, owners)
    large = _Whole(image, own, has_objects, counts, has_valid)

    def join(first: int, last: int) -> None:
        room = np.empty(9, np.int32), np.empty(9, np.float32)
        _join(first, last, small, large, np.float32(1 / _LIKENESS**2), room, whole)

    share_out(height, join)
    return whole


@part
def _spline(offset: np.float32) -> np.float32:
    """Return the quadratic B-spline's weight of a neighbour, at most 1.5 away."""
    away = abs(offset)
    if away < np.float32(0.5):
        return np.float32(0.75) - away * away
    rest = max(np.float32(1.5) - away, np.float32(0))
    return np.float32(0.5) * rest * rest


class _Reduced(NamedTuple):
    """The reduced image and its superpixels."""

    labels: Labels
    image: NDArray[np.uint8]
    factor: int
    owners: NDArray[np.int32]


class _Whole(NamedTuple):
    """The image that superpixels are enlarged to."""

    image: NDArray[np.uint8]
    objects: Objects
    has_objects: bool
    valid: NDArray[np.bool_]
    has_valid: bool


@kernel(
    (
        "int64, int64",
        record(_Reduced, "int32[:, ::1], uint8[:, :, ::1], int64, int32[::1]"),
        record(_Whole, "uint8[:, :, ::1], int32[:, ::1], boolean, boolean[:, ::1], boolean"),
        "float32, Tuple((int32[::1], float32[::1])), int32[:, ::1]",
    )
)
def _join(
    first: int,
    last: int,
    small: _Reduced,
    large: _Whole,
    unlikeness: np.float32,
    room: tuple[NDArray[np.int32], NDArray[np.float32]],
    whole: Labels,
) -> None:
    """Let the pixels of some rows choose; `room` is to work in."""
    labels, reduced, factor, owners = small
    image, objects, has_objects, valid, has_valid = large
    near, weights = room
    width = image.shape[1]
    for row in range(first, last):
        middle_row = row // factor
        down = (np.float32(row - middle_row * factor) + np.float32(0.5)) / np.float32(
            factor
        ) - np.float32(0.5)
        for column in range(width):
            if has_valid and not valid[row, column]:
                whole[row, column] = -1
                continue
            middle = column // factor
            right = (np.float32(column - middle * factor) + np.float32(0.5)) / np.float32(
                factor
            ) - np.float32(0.5)
            wanted = objects[row, column] if has_objects else 0
            n = 0
            even = True
            for i in range(-1, 2):
                r = min(max(middle_row + i, 0), labels.shape[0] - 1)
                for j in range(-1, 2):
                    c = min(max(middle + j, 0), labels.shape[1] - 1)
                    label = labels[r, c]
                    if label < 0 or (wanted > 0 and owners[label] != wanted):
                        continue
                    distance = np.float32(0)
                    for channel in range(3):
                        step = np.float32(image[row, column, channel]) - np.float32(
                            reduced[r, c, channel]
                        )
                        distance += step * step
                    near[n] = label
                    weights[n] = (
                        _spline(np.float32(i) - down)
                        * _spline(np.float32(j) - right)
                        / (np.float32(1) + unlikeness * distance)
                    )
                    even = even and label == near[0]
                    n += 1
            if n == 0:
                whole[row, column] = owners.size + wanted
                continue
            best, most = near[0], np.float32(-1)
            if not even:
                for k in range(n):
                    total = np.float32(0)
                    for other in range(n):
                        if near[other] == near[k]:
                            total += weights[other]
                    if total > most or (total == most and near[k] < best):
                        best, most = near[k], total
            whole[row, column] = best


def settle(
    labels: Labels,
    n_labels: int,
    objects: Objects | None = None,
    minimum_area: float = 0.0,
) -> tuple[Labels, NDArray[np.int32]]:
    """Make each superpixel one 4-connected region again after it was enlarged.

    Without objects the largest piece of each superpixel stays, and the others, the smallest
    first, join the neighbour of the longest common border. With objects the pieces below
    `minimum_area` do so, inside their object.

    Parameters
    ----------
    labels
        (H, W) int32 of `enlarge_labels`.
    n_labels
        n, how many superpixels were enlarged.
    objects
        (H, W) int32 objects given for the whole image.
    minimum_area
        In pixels.

    Returns
    -------
    The (H, W) int32 labels 0..m-1 in the order of their first pixels, -1 outside, and the (m,)
    int32 label of the largest piece in each. Without objects m = n, unless pieces have no
    neighbour to join.
    """
    pieces, n_pieces = connected_components(labels)
    label_of = value_of_each(pieces, n_pieces, labels)
    areas = count_labels(pieces.ravel(), n_pieces)
    if objects is None:
        main = _largest_of_each(label_of, areas)
        main = main[label_of[main] < n_labels]
        # As objects of their own the main pieces don't join one another; any other may join any.
        own = np.zeros(n_pieces, np.int32)
        own[main] = label_of[main] + 1
        thresholds = np.zeros(n_labels + 1)
        thresholds[0] = np.inf
    else:
        own = region_owners(pieces, n_pieces, objects)
        thresholds = np.full(int(own.max()) + 1, minimum_area)
    settled, m = absorb_small(pieces, n_pieces, own, thresholds)
    region_of = value_of_each(pieces, n_pieces, settled)
    source = np.empty(m, np.int32)
    if objects is None:
        source[region_of] = label_of
    else:
        main = _largest_of_each(region_of, areas)
    source[region_of[main]] = label_of[main]
    return settled, source


def _largest_of_each(names: NDArray[np.int32], areas: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the largest piece of each name, of equal ones the first."""
    by_size = np.lexsort((np.arange(names.size), -areas, names))
    largest: NDArray[np.int64] = by_size[np.append(True, np.diff(names[by_size]) > 0)]
    return largest
