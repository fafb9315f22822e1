"""Masked soft clustering: every pixel between the few superpixels that it may join.

The iteration is SSN's (Jampani et al., ECCV 2018) with the candidates restricted to one object
(SPAM, 2025): a soft assignment, the softmax of minus the squared distance, and means weighted by
it. Only differences between a pixel's distances matter, so what they have in common is left out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.candidates import N_CANDIDATES, Candidates
from spam_pipe.stages.clustering.distances import Means, linearise, measure, soften
from spam_pipe.stages.clustering.features import Features
from spam_pipe.stages.clustering.tiles import TILE, TILES, Tiles, chunk_members, tile_pixels
from spam_pipe.stages.compiled import kernel, record
from spam_pipe.stages.regions.connectivity import count_labels
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.sharing import share_out

_LANES = 16
_ZERO, _FIRST = np.float32(0), np.int32(0)


class _Chunks(NamedTuple):
    """The superpixels that the pixels of each chunk may join."""

    origins: Features  # (C, D) float32 what was subtracted from the features
    candidates: Candidates  # (C, 9) int32
    counts: NDArray[np.int64]  # (C,) how many candidates there are


class _Seeds(NamedTuple):
    """The superpixels that pixels are compared with."""

    means: Means
    factors: NDArray[np.float64]  # of the squared spatial distances
    weighted: bool  # whether they differ from 1


class _Room(NamedTuple):
    """To work in."""

    slopes: NDArray[np.float32]
    constants: NDArray[np.float32]
    weights: NDArray[np.float32]
    least: NDArray[np.float32]
    totals: NDArray[np.float32]
    nearest: NDArray[np.int32]
    active: NDArray[np.bool_]
    lanes: NDArray[np.float32]


class _Result(NamedTuple):
    """The output of a pass."""

    sums: NDArray[np.float32]  # (C, 9, D + 1) features by their weights, and the weights, summed
    labels: Labels  # (N,) nearest candidate of each pixel
    decides: bool  # whether it writes labels, and no sums


def cluster(
    features: Features,
    seeds: Labels,
    candidates: Candidates,
    iterations: int,
    *,
    uncertain: NDArray[np.bool_] | None = None,
    uncertain_candidates: Candidates | None = None,
    spatial_factor: NDArray[np.float64] | None = None,
) -> tuple[Labels, Means]:
    """Cluster pixels softly and assign each to its nearest candidate.

    Parameters
    ----------
    features
        (N, D) float32, the position in the last two channels.
    seeds
        (N,) int32 initial superpixel of each pixel, in 0..K-1; each has a pixel at least. Pixels
        at -1 are left out.
    candidates
        (K, 9) int32 superpixels that pixels starting in each may join, -1 after the last.
    iterations
        Passes over the distances; the last one decides.
    uncertain, uncertain_candidates
        (N,) bool pixels that use the second list, (K, 9) int32, instead.
    spatial_factor
        (K,) factor of each superpixel's squared spatial distance; 1 where absent.

    Returns
    -------
    The (N,) int32 labels in 0..K-1, -1 where left out, and the (K, D) float64 means that the last
    pass compared with.
    """
    n_seeds = candidates.shape[0]
    means = label_means(features, seeds, n_seeds)
    groups, origins = seeds, means.astype(np.float32)
    if uncertain is not None and uncertain_candidates is not None and uncertain.any():
        groups = seeds + np.int32(n_seeds) * uncertain
        origins = np.concatenate([origins, origins])
        candidates = np.concatenate([candidates, uncertain_candidates])
    factors = np.ones(n_seeds) if spatial_factor is None else spatial_factor
    weighted = bool((factors != 1).any())
    tiles = tile_pixels(features, groups, origins, squared_position=weighted)
    candidates = candidates[tiles.groups]
    n_candidates = np.count_nonzero(candidates >= 0, axis=1)
    chunks = _Chunks(origins[tiles.groups], candidates, n_candidates)
    offsets, places = chunk_members(candidates, n_seeds)
    labels = np.full(features.shape[0], -1, np.int32)
    sums = np.empty((*candidates.shape, means.shape[1] + 1), np.float32)
    for passed in range(iterations):
        last = passed == iterations - 1
        _pass(tiles, chunks, _Seeds(means, factors, weighted), _Result(sums, labels, last))
        if not last:
            updated = np.empty_like(means)
            _update(sums, chunks.origins, offsets, places, means, updated)
            means = updated
    return labels, means


def label_means(features: Features, labels: Labels, n_labels: int) -> Means:
    """Return the (n_labels, D) float64 mean features of each label, zero where it has no pixel.

    Pixels at -1 are left out.
    """
    means = np.zeros((n_labels, features.shape[1]))
    _sum_by_label(features, labels, means)
    means /= np.maximum(count_labels(labels, n_labels), 1)[:, np.newaxis]
    return means


@kernel("float32[:, ::1], int32[::1], float64[:, ::1]")
def _sum_by_label(features: Features, labels: Labels, sums: Means) -> None:
    for pixel in range(labels.size):
        label = labels[pixel]
        if label >= 0:
            for channel in range(features.shape[1]):
                sums[label, channel] += features[pixel, channel]


def _pass(tiles: Tiles, chunks: _Chunks, seeds: _Seeds, result: _Result) -> None:
    """Write assignment weights and features by them, summed, for each candidate of each chunk.

    The last pass writes the nearest candidate of each pixel instead.
    """
    n_channels, n_features = tiles.values.shape[1], seeds.means.shape[1]

    def pass_chunks(begin: int, end: int) -> None:
        room = _Room(
            np.empty((N_CANDIDATES, n_channels), np.float32),
            np.empty(N_CANDIDATES, np.float32),
            np.empty((N_CANDIDATES, TILE), np.float32),
            np.empty(TILE, np.float32),
            np.empty(TILE, np.float32),
            np.empty(TILE, np.int32),
            np.empty(N_CANDIDATES, np.bool_),
            np.empty((N_CANDIDATES, n_features + 1, _LANES), np.float32),
        )
        _pass_chunks(begin, end, tiles, chunks, seeds, room, result)

    share_out(len(chunks.candidates), pass_chunks)


@kernel(
    (
        *("int64, int64", TILES),
        record(_Chunks, "float32[:, ::1], int32[:, ::1], int64[::1]"),
        record(_Seeds, "float64[:, ::1], float64[::1], boolean"),
        record(
            _Room,
            "float32[:, ::1], float32[::1], float32[:, ::1], float32[::1], float32[::1], "
            "int32[::1], boolean[::1], float32[:, :, ::1]",
        ),
        record(_Result, "float32[:, :, ::1], int32[::1], boolean"),
    )
)
def _pass_chunks(
    first: int,
    last: int,
    tiles: Tiles,
    chunks: _Chunks,
    seeds: _Seeds,
    room: _Room,
    result: _Result,
) -> None:
    """Sum weights by candidate, or decide labels."""
    values, pixels, sizes, first_tiles, _ = tiles
    origins, candidates, counts = chunks
    means, factors, weighted = seeds
    slopes, constants, weights, least, totals, nearest, active, lanes = room
    sums, labels, decides = result
    n_features = means.shape[1]
    for chunk in range(first, last):
        n = counts[chunk]
        linearise(origins[chunk], candidates[chunk], means, factors, weighted, slopes, constants)
        if not decides:
            for k in range(N_CANDIDATES):
                for c in range(n_features + 1):
                    for i in range(_LANES):
                        lanes[k, c, i] = _ZERO
        for tile in range(first_tiles[chunk], first_tiles[chunk + 1]):
            x = values[tile]
            measure(x, slopes, constants, n, weights)
            if decides:
                for i in range(TILE):
                    least[i] = weights[0, i]
                    nearest[i] = _FIRST
                for k in range(1, n):
                    w = weights[k]
                    for i in range(TILE):
                        closer = w[i] < least[i]
                        least[i] = w[i] if closer else least[i]
                        nearest[i] = np.int32(k) if closer else nearest[i]
                for i in range(sizes[tile]):
                    labels[pixels[tile, i]] = candidates[chunk, nearest[i]]
                continue
            soften(weights, n, least, totals, active)
            # Sixteen partial sums side by side: vectors without reordering a sum.
            for k in range(n):
                if not active[k]:
                    continue
                w = weights[k]
                for i in range(sizes[tile], TILE):
                    w[i] = _ZERO
                for c in range(n_features):
                    lane, channel = lanes[k, c], x[c]
                    for i in range(_LANES):
                        j, m, p = i + 16, i + 32, i + 48
                        lane[i] += (w[i] * channel[i] + w[j] * channel[j]) + (
                            w[m] * channel[m] + w[p] * channel[p]
                        )
                lane = lanes[k, n_features]
                for i in range(_LANES):
                    lane[i] += (w[i] + w[i + 16]) + (w[i + 32] + w[i + 48])
        if decides:
            continue
        for k in range(N_CANDIDATES):
            for c in range(n_features + 1):
                lane = lanes[k, c]
                for i in range(8):
                    lane[i] += lane[i + 8]
                for i in range(4):
                    lane[i] += lane[i + 4]
                sums[chunk, k, c] = (lane[0] + lane[1]) + (lane[2] + lane[3])


@kernel(
    "float32[:, :, ::1], float32[:, ::1], int64[::1], int64[::1], float64[:, ::1], float64[:, ::1]"
)
def _update(
    sums: NDArray[np.float32],
    origins: Features,
    offsets: NDArray[np.int64],
    places: NDArray[np.int64],
    means: Means,
    updated: Means,
) -> None:
    """Means from the chunks' sums, added in the chunks' order; without weight they stay."""
    n_features = means.shape[1]
    for seed in range(means.shape[0]):
        mass = 0.0
        for channel in range(n_features):
            updated[seed, channel] = 0.0
        for index in range(offsets[seed], offsets[seed + 1]):
            chunk, k = places[index] // N_CANDIDATES, places[index] % N_CANDIDATES
            weight = np.float64(sums[chunk, k, n_features])
            mass += weight
            for channel in range(n_features):
                updated[seed, channel] += sums[chunk, k, channel] + weight * origins[chunk, channel]
        for channel in range(n_features):
            if mass > 1e-12:
                updated[seed, channel] /= mass
            else:
                updated[seed, channel] = means[seed, channel]
