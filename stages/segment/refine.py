"""Border relaxation: smoother superpixel borders at no cost in accuracy (SPAM.md, section 4)."""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from stages.compiled import kernel, parallel_kernel
from stages.segment.clustering import Means
from stages.segment.features import Features
from stages.segment.nearest import Labels
from stages.segment.objects import Objects

_REACH = 3
_SPAN = 2 * _REACH + 1


def _ways() -> NDArray[np.int64]:
    """Offsets of three points evenly spaced on the way to each pixel of the window."""
    offsets = np.arange(-_REACH, _REACH + 1)
    thirds = np.rint(offsets[:, None] * np.array([1, 2, 3]) / 3).astype(np.int64)
    ways = np.empty((_SPAN, _SPAN, 3, 2), np.int64)
    ways[..., 0] = thirds[:, None]
    ways[..., 1] = thirds[None, :]
    return ways


_WAYS = _ways()


def relax_borders(
    labels: Labels,
    features: Features,
    means: Means,
    *,
    smoothness: float,
    objects: Objects,
    owners: NDArray[np.int32],
    spatial_factor: NDArray[np.float64] | None = None,
    contour: NDArray[np.float32] | None = None,
    contour_decay: float = 6.0,
    rounds: int = 8,
) -> Labels:
    """Let border pixels follow the labels around them where the features agree.

    In each round every pixel with another label among its 8 neighbours takes, of the labels in
    its 7x7 window that it may have, the one with the least ``d(pixel, k) - smoothness * sum w(q)``
    over the window's pixels q labelled k. All pixels move at once; ties keep the present label.
    ``w(q) = exp(-contour_decay * max(0, m - e(pixel)))`` with m the largest contour probability e
    at three points on the way to q: labels behind a contour don't count. Without contours w = 1.

    Parameters
    ----------
    labels
        (H, W) int32 in 0..K-1.
    features
        (H * W, D) float32, the position in the last two channels.
    means
        (K, D) float64 of the superpixels.
    smoothness
        Weight of one pixel of the window, in squared feature units.
    objects, owners
        (H, W) int32 objects, 0 = uncertain, and the (K,) object of each label: pixels keep to
        labels of their own, uncertain ones to none.
    spatial_factor
        (K,) factor of each superpixel's squared spatial distance; 1 where absent.
    contour
        (H, W) float32 in 0..1.
    contour_decay
        How fast contours take weight.
    rounds
        At most; fewer when nothing moves any more.

    Returns
    -------
    (H, W) int32.
    """
    factors = np.ones(means.shape[0]) if spatial_factor is None else spatial_factor
    # exp(-decay * max(0, m - e)) = min(1, g(m) / g(e)): no exponential inside the loop.
    transparency = (
        np.ones((1, 1), np.float32)
        if contour is None
        else np.exp(np.float32(-contour_decay) * contour).astype(np.float32)
    )
    present = np.ascontiguousarray(labels)
    stirred = np.ones(labels.shape, np.bool_)
    compared = means.astype(np.float32)
    for _ in range(rounds):
        following = np.empty_like(present)
        _relax_once(
            present,
            stirred,
            features,
            compared,
            factors.astype(np.float32),
            objects,
            owners,
            transparency,
            contour is not None,
            _WAYS,
            np.float32(smoothness),
            following,
        )
        # A pixel whose window stays as it was would decide as it did.
        if not _stir(present, following, stirred):
            break
        present = following
    return present


@kernel
def _stir(present: Labels, following: Labels, stirred: NDArray[np.bool_]) -> bool:
    """Mark the pixels that have a pixel that moved in their window."""
    height, width = present.shape
    stirred[:] = False
    moved = False
    for row in range(height):
        for column in range(width):
            if present[row, column] != following[row, column]:
                moved = True
                stirred[
                    max(0, row - _REACH) : row + _REACH + 1,
                    max(0, column - _REACH) : column + _REACH + 1,
                ] = True
    return moved


@kernel
def _on_border(labels: Labels, row: int, column: int) -> bool:
    height, width = labels.shape
    own = labels[row, column]
    for i in range(max(0, row - 1), min(height, row + 2)):
        for j in range(max(0, column - 1), min(width, column + 2)):
            if labels[i, j] != own:
                return True
    return False


@parallel_kernel
def _relax_once(
    present: Labels,
    stirred: NDArray[np.bool_],
    features: Features,
    means: NDArray[np.float32],
    factors: NDArray[np.float32],
    objects: Objects,
    owners: NDArray[np.int32],
    transparency: NDArray[np.float32],
    has_contour: bool,
    ways: NDArray[np.int64],
    smoothness: np.float32,
    following: Labels,
) -> None:
    height, width = present.shape
    n_features = features.shape[1]
    for row in prange(height):
        found = np.empty(_SPAN * _SPAN, np.int32)
        support = np.empty(_SPAN * _SPAN, np.float32)
        for column in range(width):
            own = present[row, column]
            following[row, column] = own
            if not stirred[row, column] or not _on_border(present, row, column):
                continue
            n_found = 1
            found[0] = own
            support[0] = np.float32(0)
            last = 0
            for i in range(max(0, row - _REACH), min(height, row + _REACH + 1)):
                for j in range(max(0, column - _REACH), min(width, column + _REACH + 1)):
                    label = present[i, j]
                    if label != found[last]:
                        last = 0
                        while last < n_found and found[last] != label:
                            last += 1
                        if last == n_found:
                            found[last] = label
                            support[last] = np.float32(0)
                            n_found += 1
                    weight = np.float32(1)
                    if has_contour:
                        way = ways[i - row + _REACH, j - column + _REACH]
                        through = transparency[row + way[0, 0], column + way[0, 1]]
                        for step in range(1, 3):
                            through = min(
                                through, transparency[row + way[step, 0], column + way[step, 1]]
                            )
                        weight = min(weight, through / transparency[row, column])
                    support[last] += weight
            wanted = objects[row, column]
            x = features[row * width + column]
            least = np.float32(np.inf)
            for candidate in range(n_found):
                label = found[candidate]
                if wanted > 0 and owners[label] != wanted:
                    continue
                spatial = (x[n_features - 2] - means[label, n_features - 2]) ** 2 + (
                    x[n_features - 1] - means[label, n_features - 1]
                ) ** 2
                cost = factors[label] * spatial - smoothness * support[candidate]
                for channel in range(n_features - 2):
                    cost += (x[channel] - means[label, channel]) ** 2
                if cost < least:
                    least = cost
                    following[row, column] = label
