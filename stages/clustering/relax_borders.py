"""Border relaxation: smoother superpixel borders at no cost in accuracy (METHOD.md, section 4)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.distances import Means
from spam_pipe.stages.clustering.features import Features
from spam_pipe.stages.compiled import kernel, part, record
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects
from spam_pipe.stages.sharing import share_out

_REACH = 3
_SPAN = 2 * _REACH + 1
_ROW = 8
_SLOTS = 64
"""A window's 49 pixels in eight rows of eight, so that vectors fit; the rest stays empty."""
_EMPTY = np.int32(-1)
# Named here: a call of np.int32 inside a kernel is four statements for numba to read.
_NO, _YES = np.int32(0), np.int32(1)
_ZERO, _ONE, _FAR, _LEAST = np.float32(0), np.float32(1), np.float32(np.inf), np.float32(1e-30)
_INNER = (2, 2, 3, 3, 3, 4, 4)
_MIDDLE = (1, 2, 2, 3, 4, 4, 5)
"""Rows of the window that lie one and two thirds of the way to each row, rounded; so columns."""


class Pixels(NamedTuple):
    """An image whose borders are relaxed."""

    labels: Labels  # (H, W) int32 in 0..K-1; -1 outside
    features: Features  # (H * W, D) float32, the position in the last two channels
    objects: Objects  # (H, W) int32 objects, 0 = uncertain
    contour: NDArray[np.float32] | None = None  # (H, W) float32 in 0..1


class Superpixels(NamedTuple):
    """The superpixels that pixels are compared with."""

    means: Means  # (K, D) float64
    owners: NDArray[np.int32]  # (K,) int32 object of each
    # (K,) factor of each superpixel's squared spatial distance; 1 where absent
    spatial_factor: NDArray[np.float64] | None = None


class _Seen(NamedTuple):
    """Pixels as the kernel sees them; transparency in a frame as wide as a window reaches."""

    features: Features
    objects: Objects
    transparency: NDArray[np.float32]
    has_contour: bool


class _Compared(NamedTuple):
    """Superpixels as the kernel sees them."""

    means: NDArray[np.float32]
    factors: NDArray[np.float32]
    owners: NDArray[np.int32]
    smoothness: np.float32


class _Round(NamedTuple):
    """Labels before and after a round, framed, and the pixels that are to decide anew."""

    present: Labels
    following: Labels
    stirred: NDArray[np.bool_]


class _Room(NamedTuple):
    """To work in."""

    window: NDArray[np.int32]
    weights: NDArray[np.float32]
    inner: NDArray[np.float32]
    middle: NDArray[np.float32]
    lanes: NDArray[np.float32]


def relax_borders(
    pixels: Pixels,
    superpixels: Superpixels,
    *,
    smoothness: float,
    contour_decay: float = 6.0,
    rounds: int = 8,
) -> Labels:
    """Let border pixels follow the labels around them where the features agree.

    In each round every pixel with another label among its 8 neighbours takes, of the labels in
    its 7x7 window that it may have, the one with the least ``d(pixel, k) - smoothness * sum w(q)``
    over the window's pixels q labelled k. All pixels move at once; ties keep the present label,
    or else take the highest. Pixels of an object keep to its labels, uncertain ones to none.
    ``w(q) = exp(-contour_decay * max(0, m - e(pixel)))`` with m the largest contour probability e
    at three points on the way to q: labels behind a contour don't count. Without contours w = 1.

    Parameters
    ----------
    smoothness
        Weight of one pixel of the window, in squared feature units.
    contour_decay
        How fast contours take weight.
    rounds
        At most; fewer when nothing moves any more.

    Returns
    -------
    (H, W) int32.
    """
    means, owners, factors = superpixels
    compared = _Compared(
        means.astype(np.float32),
        np.ones(len(means), np.float32) if factors is None else factors.astype(np.float32),
        owners,
        np.float32(smoothness),
    )
    # exp(-decay * max(0, m - e)) = min(1, g(m) / g(e)): no exponential inside the loop.
    transparency = (
        np.ones((1, 1), np.float32)
        if pixels.contour is None
        else np.exp(np.float32(-contour_decay) * pixels.contour).astype(np.float32)
    )
    # One column more than windows reach, because their rows are read as eight.
    frame = ((_REACH, _REACH), (_REACH, _REACH + 1))
    seen = _Seen(
        pixels.features,
        np.ascontiguousarray(pixels.objects),
        np.pad(transparency, frame),
        pixels.contour is not None,
    )
    present = np.pad(pixels.labels, frame, constant_values=_EMPTY)
    stirred = np.ones(pixels.labels.shape, np.bool_)
    for _ in range(rounds):
        following = present.copy()
        _relax_once(seen, compared, _Round(present, following, stirred))
        # A pixel whose window stays as it was would decide as it did.
        stirred[:] = False
        if not _stir(present, following, stirred):
            break
        present = following
    return present[_REACH:-_REACH, _REACH : -_REACH - 1].copy()


@kernel("int32[:, ::1], int32[:, ::1], boolean[:, ::1]")
def _stir(present: Labels, following: Labels, stirred: NDArray[np.bool_]) -> bool:
    """Mark the pixels that have a pixel that moved in their window; say whether any did."""
    height, width = stirred.shape
    moved = False
    for row in range(height):
        for column in range(width):
            if present[row + _REACH, column + _REACH] != following[row + _REACH, column + _REACH]:
                moved = True
                for i in range(
                    row - _REACH if row > _REACH else 0,
                    row + _REACH + 1 if row + _REACH < height else height,
                ):
                    for j in range(
                        column - _REACH if column > _REACH else 0,
                        column + _REACH + 1 if column + _REACH < width else width,
                    ):
                        stirred[i, j] = True
    return moved


def _relax_once(seen: _Seen, compared: _Compared, round_: _Round) -> None:
    def relax(first: int, last: int) -> None:
        room = _Room(
            np.full(_SLOTS, _EMPTY, np.int32),
            np.zeros(_SLOTS, np.float32),
            np.zeros((_SPAN, _ROW), np.float32),
            np.zeros((_SPAN, _ROW), np.float32),
            np.empty(8, np.float32),
        )
        _relax_rows(first, last, seen, compared, round_, room)

    share_out(len(seen.objects), relax)


@kernel(
    (
        "int64, int64",
        record(_Seen, "float32[:, ::1], int32[:, ::1], float32[:, ::1], boolean"),
        record(_Compared, "float32[:, ::1], float32[::1], int32[::1], float32"),
        record(_Round, "int32[:, ::1], int32[:, ::1], boolean[:, ::1]"),
        record(_Room, "int32[::1], float32[::1], float32[:, ::1], float32[:, ::1], float32[::1]"),
    )
)
def _relax_rows(
    first: int, last: int, seen: _Seen, compared: _Compared, round_: _Round, room: _Room
) -> None:
    """Let the pixels of some rows decide."""
    features, objects, transparency, has_contour = seen
    means, factors, owners, smoothness = compared
    present, following, stirred = round_
    window, weights, inner, middle, lanes = room
    width = objects.shape[1]
    for row in range(first, last):
        for column in range(width):
            if not stirred[row, column]:
                continue
            own = present[row + _REACH, column + _REACH]
            if own == _EMPTY:
                continue
            other = own
            for i in range(row + _REACH - 1, row + _REACH + 2):
                line = present[i]
                for j in range(column + _REACH - 1, column + _REACH + 2):
                    label = line[j]
                    if label != own and label != _EMPTY:
                        other = label
            if other == own:
                continue
            n_left = _NO
            for i in range(_SPAN):
                line = present[row + i]
                for j in range(_ROW):
                    label = line[column + j] if j < _SPAN else _EMPTY
                    window[_ROW * i + j] = label
                    n_left += _YES if label != _EMPTY else _NO
            if has_contour:
                _look_around(transparency, row, column, inner, middle, weights)
            wanted = objects[row, column]
            pixel = features[row * width + column]
            chosen = own
            least = _FAR
            # The own label comes first, so that ties keep it; each leaves the window once weighed.
            label, following_label = own, other
            while True:
                # Count the window's pixels of the label, sum their weights, empty their slots.
                n_found = _NO
                for i in range(_SLOTS):
                    n_found += _YES if window[i] == label else _NO
                support = np.float32(n_found)
                if has_contour:
                    support = _sum_weights(window, label, weights, lanes)
                for i in range(_SLOTS):
                    window[i] = _EMPTY if window[i] == label else window[i]
                if wanted == 0 or owners[label] == wanted:
                    cost = _distance(pixel, means[label], factors[label]) - smoothness * support
                    tied = cost == least and chosen != own and label > chosen
                    if cost < least or tied:
                        least, chosen = cost, label
                n_left -= n_found
                if n_left == 0:
                    break
                label, following_label = following_label, _EMPTY
                if label == _EMPTY:
                    for i in range(_SLOTS):
                        label = window[i] if window[i] > label else label
            following[row + _REACH, column + _REACH] = chosen


@part
def _look_around(
    transparency: NDArray[np.float32],
    row: int,
    column: int,
    inner: NDArray[np.float32],
    middle: NDArray[np.float32],
    weights: NDArray[np.float32],
) -> None:
    """Weigh each pixel of a window by the contours on the way to it from the center.

    The points at one and two thirds of the way, rounded, are one of 3 x 3 and of 5 x 5 pixels:
    each row of these is spread over the columns that it serves, then shared by its rows.
    """
    for i in range(2, 5):
        for j in range(_SPAN):
            inner[i, j] = transparency[row + i, column + _INNER[j]]
    for i in range(1, 6):
        for j in range(_SPAN):
            middle[i, j] = transparency[row + i, column + _MIDDLE[j]]
    here = transparency[row + _REACH, column + _REACH]
    here = here if here > _LEAST else _LEAST
    for i in range(_SPAN):
        first, second, line = inner[_INNER[i]], middle[_MIDDLE[i]], transparency[row + i]
        for j in range(_ROW):
            through = line[column + j]
            through = first[j] if first[j] < through else through
            through = second[j] if second[j] < through else through
            share = through / here
            weights[_ROW * i + j] = share if share < _ONE else _ONE


@part
def _sum_weights(
    window: NDArray[np.int32],
    label: int,
    weights: NDArray[np.float32],
    lanes: NDArray[np.float32],
) -> np.float32:
    """Sum the weights of a window's pixels of a label, in a fixed order, eight at a time."""
    for i in range(8):
        lanes[i] = _ZERO
    for first in range(0, _SPAN * _ROW, _ROW):
        for i in range(8):
            found = window[first + i] == label
            lanes[i] += weights[first + i] if found else _ZERO
    total: np.float32 = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + (
        (lanes[4] + lanes[5]) + (lanes[6] + lanes[7])
    )
    return total


@part
def _distance(
    pixel: NDArray[np.float32], mean: NDArray[np.float32], factor: np.float32
) -> np.float32:
    """Squared distance, four channels at a time so that sums don't wait for one another."""
    n = pixel.size - 2
    down, across = pixel[n] - mean[n], pixel[n + 1] - mean[n + 1]
    total: np.float32 = factor * (down * down + across * across)
    c = 0
    while c + 4 <= n:
        d0, d1 = pixel[c] - mean[c], pixel[c + 1] - mean[c + 1]
        d2, d3 = pixel[c + 2] - mean[c + 2], pixel[c + 3] - mean[c + 3]
        total += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
        c += 4
    while c < n:
        total += (pixel[c] - mean[c]) ** 2
        c += 1
    return total
