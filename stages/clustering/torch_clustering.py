"""Masked soft clustering on a torch device: `stages.clustering.soft_clustering`, in tensors.

Superpixels share pixels only where candidate lists name them. So a batch of images and counts is
one large problem whose parts share no candidates: there is no batch dimension, only more pixels
and more superpixels.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from spam_pipe.stages.clustering.candidates import N_CANDIDATES
from spam_pipe.stages.clustering.torch_tiles import TILE, Tiles, sum_groups, tile_pixels

_FAR = 1e30
_CPU_BLOCK = 256
"""Tiles at a time whose distances stay in a processor's cache; a GPU wants many at a time."""
_GPU_BLOCK = 32768


def cluster(
    features: Tensor,
    seeds: Tensor,
    candidates: Tensor,
    iterations: int,
    *,
    uncertain: Tensor | None = None,
    uncertain_candidates: Tensor | None = None,
    spatial_factor: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Cluster pixels softly and assign each to its nearest candidate.

    The sums run in a fixed order: same input, same device, same result.

    Parameters
    ----------
    features
        (N, D) float32, the position in the last two channels; all tensors on one device.
    seeds
        (N,) int64 initial superpixel of each pixel, in 0..K-1; each has a pixel at least.
    candidates
        (K, 9) int64 superpixels that pixels starting in each may join, -1 where there are fewer.
    iterations
        Passes over the distances; the last one decides.
    uncertain, uncertain_candidates
        (N,) bool pixels that use the second list, (K, 9) int64, instead.
    spatial_factor
        (K,) float64 factor of each superpixel's squared spatial distance; 1 where absent.

    Returns
    -------
    The (N,) int64 labels in 0..K-1, and the (K, D) float64 means that the last pass compared with.
    """
    n_seeds, n_features = candidates.shape[0], features.shape[1]
    groups = seeds
    if uncertain is not None and uncertain_candidates is not None:
        groups = seeds + n_seeds * uncertain
        candidates = torch.cat([candidates, uncertain_candidates])
    tiles = tile_pixels(features, groups, candidates.shape[0])
    initial = sum_groups(tiles.values.sum(dim=2, dtype=torch.float64), tiles.lengths)
    initial = initial.view(-1, n_seeds, n_features + 1).sum(dim=0)
    means = initial[:, :-1] / initial[:, -1:]
    # Relative to where its group starts, a pixel is small enough for float32.
    origins = means.float().repeat(candidates.shape[0] // n_seeds, 1)
    tiles.values[:, :-1] -= origins.index_select(0, tiles.groups)[..., None] * tiles.values[:, -1:]
    if spatial_factor is not None:
        tiles = _with_squared_position(tiles)
    order, lengths = _members(candidates, n_seeds)
    for _ in range(iterations - 1):
        scores = _linear_scores(means, origins, candidates, spatial_factor)
        sums = _soft_sums(tiles, scores)
        totals = sums[..., :n_features] + sums[..., -1:] * origins[:, None]
        totals = torch.cat([totals, sums[..., -1:]], dim=2).view(-1, n_features + 1)
        totals = sum_groups(totals.index_select(0, order), lengths)
        mass = totals[:, -1:]
        means = torch.where(mass > 1e-12, totals[:, :-1] / mass, means)
    scores = _linear_scores(means, origins, candidates, spatial_factor)
    return _nearest(tiles, scores, candidates), means


def _with_squared_position(tiles: Tiles) -> Tiles:
    """Add, before the ones, the squared norm of the position: superpixels may weigh it."""
    values = tiles.values
    squared = values[:, -3:-1].square().sum(dim=1, keepdim=True)
    values = torch.cat([values[:, :-1], squared, values[:, -1:]], dim=1)
    return Tiles(values, tiles.groups, tiles.lengths, tiles.slots)


def _members(candidates: Tensor, n_seeds: int) -> tuple[Tensor, Tensor]:
    """Return the places among all candidates where each seed stands, and how many they are."""
    flat = candidates.reshape(-1)
    order = torch.argsort(flat, stable=True)
    order = order[flat[order] >= 0]
    return order, torch.bincount(flat[order], minlength=n_seeds)


def _linear_scores(
    means: Tensor, origins: Tensor, candidates: Tensor, spatial_factor: Tensor | None
) -> Tensor:
    """Write minus squared distances as linear functions of a tile's channels.

    ``-|x - m|^2 = 2 m x - |m|^2``, without the ``|x|^2`` that all candidates have in common; with
    a factor f on the position s, ``f |s|^2`` differs and stays.

    Returns
    -------
    (G, 9, channels) float32.
    """
    seeds = candidates.clamp(min=0)
    shift = means[seeds] - origins[:, None]
    slopes = 2 * shift
    parts = [slopes]
    if spatial_factor is not None:
        factors = spatial_factor[seeds][..., None]
        slopes[..., -2:] *= factors
        parts.append(-factors)
    parts.append(-(slopes * shift).sum(dim=2, keepdim=True) / 2)
    scores = torch.cat(parts, dim=2).float()
    missing = candidates < 0
    scores[missing] = 0
    scores[..., -1].masked_fill_(missing, -_FAR)
    return scores


def _blocks(tiles: Tiles) -> Iterator[slice]:
    size = _CPU_BLOCK if tiles.values.device.type == "cpu" else _GPU_BLOCK
    for start in range(0, tiles.groups.numel(), size):
        yield slice(start, start + size)


def _soft_sums(tiles: Tiles, scores: Tensor) -> Tensor:
    """Sum the tiles' channels, weighted by soft assignment, by group and candidate.

    Returns
    -------
    (G, 9, channels) float64; the last channel sums the weights.
    """
    n_tiles, n_channels, _ = tiles.values.shape
    sums = tiles.values.new_empty(n_tiles, N_CANDIDATES, n_channels)
    for block in _blocks(tiles):
        values = tiles.values[block]
        weights = torch.softmax(scores.index_select(0, tiles.groups[block]) @ values, dim=1)
        torch.bmm(weights, values.transpose(1, 2), out=sums[block])
    return sum_groups(sums, tiles.lengths)


def _nearest(tiles: Tiles, scores: Tensor, candidates: Tensor) -> Tensor:
    """Return the (N,) best candidate of each pixel, the first of equal ones."""
    labels = torch.empty(tiles.groups.numel(), TILE, dtype=torch.int64, device=scores.device)
    for block in _blocks(tiles):
        groups = tiles.groups[block]
        best = (scores.index_select(0, groups) @ tiles.values[block]).argmax(dim=1)
        labels[block] = candidates.index_select(0, groups).gather(1, best)
    return labels.view(-1).index_select(0, tiles.slots)
