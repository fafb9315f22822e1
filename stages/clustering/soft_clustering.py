"""Masked soft clustering: every pixel between the few superpixels that it may join.

The iteration is SSN's (Jampani et al., ECCV 2018) with the candidates restricted to one object
(SPAM, 2025): a soft assignment, the softmax of minus the squared distance, and means weighted by
it. Only differences between a pixel's distances matter, so what they have in common is left out.
"""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from spam_pipe.stages.clustering.candidates import N_CANDIDATES, Candidates
from spam_pipe.stages.clustering.distances import Means, linearise, measure, soften
from spam_pipe.stages.clustering.features import Features
from spam_pipe.stages.clustering.tiles import TILE, Tiles, chunk_members, tile_pixels
from spam_pipe.stages.compiled import kernel, parallel_kernel
from spam_pipe.stages.regions.label_maps import Labels

_LANES = 16


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
    origins = origins[tiles.groups]
    candidates = candidates[tiles.groups]
    offsets, places = chunk_members(candidates, n_seeds)
    for _ in range(iterations - 1):
        sums = _pass(tiles, origins, candidates, means, factors, weighted)
        means = _update(sums, origins, offsets, places, means)
    labels = np.full(features.shape[0], -1, np.int32)
    _assign(
        tiles.values,
        tiles.pixels,
        tiles.sizes,
        tiles.chunks,
        origins,
        candidates,
        means,
        factors,
        weighted,
        labels,
    )
    return labels, means


@kernel
def label_means(features: Features, labels: Labels, n_labels: int) -> Means:
    """Return the (n_labels, D) float64 mean features of each label, zero where it has no pixel.

    Pixels at -1 are left out.
    """
    n_features = features.shape[1]
    means = np.zeros((n_labels, n_features))
    areas = np.zeros(n_labels)
    for pixel in range(labels.size):
        if labels[pixel] < 0:
            continue
        areas[labels[pixel]] += 1
        target = means[labels[pixel]]
        for channel in range(n_features):
            target[channel] += features[pixel, channel]
    for label in range(n_labels):
        for channel in range(n_features):
            means[label, channel] /= max(areas[label], 1.0)
    return means


def _pass(
    tiles: Tiles,
    origins: Features,
    candidates: Candidates,
    means: Means,
    factors: NDArray[np.float64],
    weighted: bool,
) -> NDArray[np.float32]:
    """Sum assignment weights, and features by them, for each candidate of each chunk."""
    sums = np.empty((*candidates.shape, means.shape[1] + 1), np.float32)
    _accumulate(
        tiles.values,
        tiles.sizes,
        tiles.chunks,
        origins,
        candidates,
        means,
        factors,
        weighted,
        sums.reshape(candidates.shape[0], N_CANDIDATES, -1),
    )
    return sums


@parallel_kernel
def _accumulate(
    values: NDArray[np.float32],
    sizes: NDArray[np.int32],
    chunks: NDArray[np.int32],
    origins: Features,
    candidates: Candidates,
    means: Means,
    factors: NDArray[np.float64],
    weighted: bool,
    sums: NDArray[np.float32],
) -> None:
    n_channels = values.shape[1]
    n_features = means.shape[1]
    for chunk in prange(candidates.shape[0]):
        slopes = np.empty((N_CANDIDATES, n_channels), np.float32)
        constants = np.empty(N_CANDIDATES, np.float32)
        weights = np.empty((N_CANDIDATES, TILE), np.float32)
        least = np.empty(TILE, np.float32)
        totals = np.empty(TILE, np.float32)
        active = np.empty(N_CANDIDATES, np.bool_)
        lanes = np.zeros((N_CANDIDATES, n_features + 1, _LANES), np.float32)
        n = int(np.count_nonzero(candidates[chunk] >= 0))
        linearise(origins[chunk], candidates[chunk], means, factors, weighted, slopes, constants)
        for tile in range(chunks[chunk], chunks[chunk + 1]):
            x = values[tile]
            measure(x, slopes, constants, n, weights)
            soften(weights, n, least, totals, active)
            weights[:, sizes[tile] :] = np.float32(0)
            # Sixteen partial sums side by side: vectors without reordering a sum.
            for k in range(n):
                if not active[k]:
                    continue
                w = weights[k]
                for c in range(n_features):
                    for i in range(_LANES):
                        lanes[k, c, i] += (w[i] * x[c, i] + w[i + 16] * x[c, i + 16]) + (
                            w[i + 32] * x[c, i + 32] + w[i + 48] * x[c, i + 48]
                        )
                for i in range(_LANES):
                    lanes[k, n_features, i] += (w[i] + w[i + 16]) + (w[i + 32] + w[i + 48])
        for k in range(N_CANDIDATES):
            for c in range(n_features + 1):
                lane = lanes[k, c]
                for i in range(8):
                    lane[i] += lane[i + 8]
                for i in range(4):
                    lane[i] += lane[i + 4]
                sums[chunk, k, c] = (lane[0] + lane[1]) + (lane[2] + lane[3])


@kernel
def _update(
    sums: NDArray[np.float32],
    origins: Features,
    offsets: NDArray[np.int64],
    places: NDArray[np.int64],
    means: Means,
) -> Means:
    """Means from the chunks' sums, added in the chunks' order; without weight they stay."""
    n_features = means.shape[1]
    updated = np.empty_like(means)
    for seed in range(means.shape[0]):
        target = updated[seed]
        target[:] = 0.0
        mass = 0.0
        for place in places[offsets[seed] : offsets[seed + 1]]:
            chunk, k = place // N_CANDIDATES, place % N_CANDIDATES
            weight = np.float64(sums[chunk, k, n_features])
            mass += weight
            for channel in range(n_features):
                target[channel] += sums[chunk, k, channel] + weight * origins[chunk, channel]
        for channel in range(n_features):
            target[channel] = target[channel] / mass if mass > 1e-12 else means[seed, channel]
    return updated


@parallel_kernel
def _assign(
    values: NDArray[np.float32],
    pixels: NDArray[np.int32],
    sizes: NDArray[np.int32],
    chunks: NDArray[np.int32],
    origins: Features,
    candidates: Candidates,
    means: Means,
    factors: NDArray[np.float64],
    weighted: bool,
    labels: Labels,
) -> None:
    for chunk in prange(candidates.shape[0]):
        slopes = np.empty((N_CANDIDATES, values.shape[1]), np.float32)
        constants = np.empty(N_CANDIDATES, np.float32)
        distances = np.empty((N_CANDIDATES, TILE), np.float32)
        nearest = np.empty(TILE, np.int32)
        n = int(np.count_nonzero(candidates[chunk] >= 0))
        linearise(origins[chunk], candidates[chunk], means, factors, weighted, slopes, constants)
        for tile in range(chunks[chunk], chunks[chunk + 1]):
            measure(values[tile], slopes, constants, n, distances)
            nearest[:] = 0
            least = distances[0]
            for k in range(1, n):
                for i in range(TILE):
                    closer = distances[k, i] < least[i]
                    least[i] = distances[k, i] if closer else least[i]
                    nearest[i] = k if closer else nearest[i]
            for i in range(sizes[tile]):
                labels[pixels[tile, i]] = candidates[chunk, nearest[i]]
