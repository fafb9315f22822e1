"""Distances and softmax weights of one tile: dense loops that compile to vectors."""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.candidates import N_CANDIDATES
from spam_pipe.stages.clustering.tiles import TILE
from spam_pipe.stages.compiled import part

Means = NDArray[np.float64]

_FAR = 1e30
_INAUDIBLE = np.float32(-30)


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
            slopes[k, channel] = np.float32(0)
        seed = candidates[k]
        if seed < 0:
            constants[k] = np.float32(_FAR)
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
        for i in range(TILE):
            distances[k, i] = constants[k]
            distances[k + 1, i] = constants[k + 1]
            distances[k + 2, i] = constants[k + 2]
        for c in range(0, values.shape[0], 5):
            a0, a1, a2, a3, a4 = (
                slopes[k, c],
                slopes[k, c + 1],
                slopes[k, c + 2],
                slopes[k, c + 3],
                slopes[k, c + 4],
            )
            b0, b1, b2, b3, b4 = (
                slopes[k + 1, c],
                slopes[k + 1, c + 1],
                slopes[k + 1, c + 2],
                slopes[k + 1, c + 3],
                slopes[k + 1, c + 4],
            )
            d0, d1, d2, d3, d4 = (
                slopes[k + 2, c],
                slopes[k + 2, c + 1],
                slopes[k + 2, c + 2],
                slopes[k + 2, c + 3],
                slopes[k + 2, c + 4],
            )
            for i in range(TILE):
                x0, x1, x2, x3, x4 = (
                    values[c, i],
                    values[c + 1, i],
                    values[c + 2, i],
                    values[c + 3, i],
                    values[c + 4, i],
                )
                distances[k, i] += a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3 + a4 * x4
                distances[k + 1, i] += b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3 + b4 * x4
                distances[k + 2, i] += d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3 + d4 * x4


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
        totals[i] = np.float32(0)
    for k in range(1, n):
        for i in range(TILE):
            nearer = distances[k, i] < least[i]
            least[i] = distances[k, i] if nearer else least[i]
    for k in range(n):
        row = distances[k]
        n_heard = 0
        for i in range(TILE):
            exponent = (least[i] - row[i]) * np.float32(1.4426950408889634)
            row[i] = exponent
            n_heard += exponent > _INAUDIBLE
        active[k] = n_heard > 0
        if not active[k]:
            continue
        for i in range(TILE):
            exponent = row[i]
            exponent = exponent if exponent > _INAUDIBLE else _INAUDIBLE
            whole = np.int32(exponent - np.float32(0.5))
            part = exponent - np.float32(whole)
            power = np.float32(1.535336188319500e-4)
            power = power * part + np.float32(1.339887440266574e-3)
            power = power * part + np.float32(9.618437357674640e-3)
            power = power * part + np.float32(5.550332471162809e-2)
            power = power * part + np.float32(2.402264791363012e-1)
            power = power * part + np.float32(6.931472028550421e-1)
            power = power * part + np.float32(1)
            scale = np.int32((whole + np.int32(127)) << np.int32(23)).view(np.float32)
            weight = power * scale if exponent > _INAUDIBLE else np.float32(0)
            row[i] = weight
            totals[i] += weight
    for i in range(TILE):
        totals[i] = np.float32(1) / totals[i]
    for k in range(n):
        if active[k]:
            for i in range(TILE):
                distances[k, i] *= totals[i]
