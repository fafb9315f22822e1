"""Random textures that come out the same, to the last bit, on every machine.

Only additions, multiplications, divisions, square roots, roundings and comparisons of whole
arrays are used, which IEEE 754 defines exactly, and the raw stream of a bit generator, which
NumPy promises not to change. Sums, powers and trigonometric functions may differ in the last bit
between machines.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Stream:
    """Random numbers from a seed."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def array(self, *shape: int) -> Array:
        """Return uniform numbers in [0, 1)."""
        raw = self._bits.random_raw(int(np.prod(shape))).reshape(shape)
        return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * float(self.array(1)[0])

    def below(self, n: int) -> int:
        """Return an integer in [0, n)."""
        return int(self.uniform(0, n))

    def direction(self) -> tuple[float, float]:
        """Return a unit vector (cosine, sine)."""
        t = self.uniform(-1, 1)
        cosine, sine = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
        quarter = self.below(4)
        turned = ((cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine))
        return turned[quarter]


def value_noise(stream: Stream, shape: tuple[int, int], scale: int) -> Array:
    """Return (H, W) smooth noise in [0, 1) whose spots are about `scale` pixels wide."""
    rows, row_weight = _lattice(shape[0], scale)
    columns, column_weight = _lattice(shape[1], scale)
    knots = stream.array(int(rows[-1]) + 2, int(columns[-1]) + 2)
    lines = knots[rows] + row_weight[:, None] * (knots[rows + 1] - knots[rows])
    left, right = lines[:, columns], lines[:, columns + 1]
    return left + column_weight * (right - left)


def _lattice(length: int, scale: int) -> tuple[NDArray[np.int64], Array]:
    cell, within = np.divmod(np.arange(length), scale)
    t = within / scale
    return cell, t * t * (3 - 2 * t)


def turbulence(stream: Stream, shape: tuple[int, int], scale: int) -> Array:
    """Return (H, W) noise in [0, 1) with detail down to a few pixels, as clouds and bark have."""
    total, weight, sum_of_weights = np.zeros(shape), 1.0, 0.0
    while scale >= 2:
        total += weight * value_noise(stream, shape, scale)
        sum_of_weights += weight
        scale, weight = scale // 2, weight * 0.55
    return total / sum_of_weights


def stripes(u: Array, v: Array, noise: Array, period: float) -> Array:
    """Return wavy bands across u, in [0, 1]."""
    return _triangle(u / period + 1.2 * noise)


def weave(u: Array, v: Array, noise: Array, period: float) -> Array:
    """Return crossing threads, in [0, 1]."""
    return np.maximum(_triangle(u / period + 0.3 * noise), _triangle(v / period))


def tiles(u: Array, v: Array, noise: Array, period: float) -> Array:
    """Return bricks with dark joints and a shade each, in [0, 1]."""
    row = np.floor(v / period)
    along = u / (2 * period) + 0.5 * (row - 2 * np.floor(row / 2))
    column = np.floor(along)
    shade = 0.6 + 0.1 * ((3 * row + 5 * column) - 4 * np.floor((3 * row + 5 * column) / 4))
    joint = np.minimum(_triangle(v / period), 2 * _triangle(along))
    bricks: Array = shade * np.minimum(1.0, 6 * joint)
    return bricks


def spots(u: Array, v: Array, noise: Array, period: float) -> Array:
    """Return blots where the noise is high, in [0, 1]."""
    return np.clip((noise - 0.52) * 9, 0, 1)


def grain(u: Array, v: Array, noise: Array, period: float) -> Array:
    """Return the noise itself, with more contrast, in [0, 1]."""
    return np.clip(0.5 + 1.8 * (noise - 0.5), 0, 1)


PATTERNS: tuple[Callable[[Array, Array, Array, float], Array], ...] = (
    grain,
    grain,
    stripes,
    weave,
    tiles,
    spots,
)
"""Functions of a shape's own coordinates (pixels), noise in [0, 1) and a period (pixels)."""


def _triangle(x: Array) -> Array:
    """Return a wave of period 1 that rises from 0 to 1 and falls back."""
    return 1 - np.abs(2 * (x - np.floor(x)) - 1)
