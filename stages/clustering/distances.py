"""Distances and softmax weights of one tile: dense loops that compile to vectors."""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.candidates import N_CANDIDATES
from spam_pipe.stages.clustering.tiles import TILE
from spam_pipe.stages.compiled import part

Means = NDArray[np.float64]

_FAR = np.float32(1e30)
_INAUDIBLE = np.float32(-30)
_ZERO, _ONE, _LOG2_E = np.float32(0), np.float32(1), np.float32(1.4426950408889634)
# Named here: a call of np.float32 inside a kernel is four statements for numba to read.
_P6, _P5, _P4 = (
    np.float32(1.535336188319500e-4),
    np.float32(1.339887440266574e-3),
    np.float32(9.618437357674640e-3),
)
_P3, _P2, _P1 = (
    np.float32(5.550332471162809e-2),
    np.float32(2.402264791363012e-1),
    np.float32(6.931472028550421e-1),
)
_HALF, _BIAS, _MANTISSA = np.float32(0.5), np.int32(127), np.int32(23)


@part
def linearise(
    origin: NDArray[np.float32],
    candidates: NDArray[np.int32],
    means: Means,
    factors: NDArray[np.float64],
    weighted: bool,
    slopes: NDArray[np.float32],
    constants: NDArray[np.float32],
) -> None:
    """Write distances as linear functions: |x - m|^2 = |x|^2 - 2 m x + |m|^2, without |x|^2.

    With a factor f on the position s, f |s|^2 differs among candidates and stays, as the slope
    on the tiles' last channel.
    """
    n_features = means.shape[1]
    for k in range(N_CANDIDATES):
        for channel in range(slopes.shape[1]):
            slopes[k, channel] = _ZERO
        seed = candidates[k]
        if seed < 0:
            constants[k] = _FAR
            continue
        constant = 0.0
        for channel in range(n_features):
            factor = factors[seed] if channel >= n_features - 2 else 1.0
            mean = means[seed, channel] - origin[channel]
            slopes[k, channel] = -2 * factor * mean
            constant += factor * mean * mean
        if weighted:
            slopes[k, n_features] = factors[seed]
        constants[k] = constant


@part
def measure(
    values: NDArray[np.float32],
    slopes: NDArray[np.float32],
    constants: NDArray[np.float32],
    n: int,
    distances: NDArray[np.float32],
) -> None:
    """Distances of a tile's pixels to n candidates, three candidates by five channels a time."""
    for k in range(0, n, 3):
        to_a, to_b, to_d = distances[k], distances[k + 1], distances[k + 2]
        a, b, d = slopes[k], slopes[k + 1], slopes[k + 2]
        for i in range(TILE):
            to_a[i] = constants[k]
            to_b[i] = constants[k + 1]
            to_d[i] = constants[k + 2]
        for c0 in range(0, values.shape[0], 5):
            c1 = c0 + 1
            c2 = c0 + 2
            c3 = c0 + 3
            c4 = c0 + 4
            a0 = a[c0]
            a1 = a[c1]
            a2 = a[c2]
            a3 = a[c3]
            a4 = a[c4]
            b0 = b[c0]
            b1 = b[c1]
            b2 = b[c2]
            b3 = b[c3]
            b4 = b[c4]
            d0 = d[c0]
            d1 = d[c1]
            d2 = d[c2]
            d3 = d[c3]
            d4 = d[c4]
            v0 = values[c0]
            v1 = values[c1]
            v2 = values[c2]
            v3 = values[c3]
            v4 = values[c4]
            for i in range(TILE):
                x0 = v0[i]
                x1 = v1[i]
                x2 = v2[i]
                x3 = v3[i]
                x4 = v4[i]
                to_a[i] += a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3 + a4 * x4
                to_b[i] += b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3 + b4 * x4
                to_d[i] += d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3 + d4 * x4


@part
def soften(
    distances: NDArray[np.float32],
    n: int,
    least: NDArray[np.float32],
    totals: NDArray[np.float32],
    active: NDArray[np.bool_],
) -> None:
    """Replace distances to the first n candidates by softmax weights, in place.

    Weights below 2^-30 of the largest, which float32 would lose in any sum, are zero; a candidate
    that has no others in the tile is marked inactive and its row left as it is.

    exp is a polynomial on the fraction of the binary exponent (relative error below 2e-7):
    unlike the library's it runs on whole vectors and is the same on every machine.
    """
    for i in range(TILE):
        least[i] = distances[0, i]
        totals[i] = _ZERO
    for k in range(1, n):
        row = distances[k]
        for i in range(TILE):
            least[i] = row[i] if row[i] < least[i] else least[i]
    for k in range(n):
        row = distances[k]
        n_heard = 0
        for i in range(TILE):
            exponent = (least[i] - row[i]) * _LOG2_E
            row[i] = exponent
            n_heard += exponent > _INAUDIBLE
        active[k] = n_heard > 0
        if not active[k]:
            continue
        for i in range(TILE):
            exponent = row[i]
            exponent = exponent if exponent > _INAUDIBLE else _INAUDIBLE
            whole = np.int32(exponent - _HALF)
            part = exponent - np.float32(whole)
            power = ((((_P6 * part + _P5) * part + _P4) * part + _P3) * part + _P2) * part + _P1
            power = power * part + _ONE
            scale = np.int32((whole + _BIAS) << _MANTISSA).view(np.float32)
            weight = power * scale if exponent > _INAUDIBLE else _ZERO
            row[i] = weight
            totals[i] += weight
    for i in range(TILE):
        totals[i] = _ONE / totals[i]
    for k in range(n):
        if active[k]:
            row = distances[k]
            for i in range(TILE):
                row[i] *= totals[i]
