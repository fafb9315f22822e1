"""Pixels laid out for the clustering on a torch device: grouped by what they may join, in tiles.

The layout of `stages.clustering.tiles`, in tensors. A tile holds 64 pixels of one group, channel by
channel, so that distances and weighted sums are batched matrix products. Its last channel is one
for every pixel and zero where the tile is padded: it carries the constants of linear functions,
counts weights, and keeps what is padded out of every sum.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

TILE = 64
"""Pixels of a tile."""


@dataclass(frozen=True)
class Tiles:
    """Features in tiles, and where they come from."""

    values: Tensor  # (T, D + 1, 64) float32 features and a one; all zero where padded
    groups: Tensor  # (T,) int64 group of each tile, ascending
    lengths: Tensor  # (G,) int64 tiles of each group
    slots: Tensor  # (N,) int64 place of each pixel among the tiles' T * 64


def tile_pixels(features: Tensor, groups: Tensor, n_groups: int) -> Tiles:
    """Lay pixels out in tiles, in their order within each group.

    Parameters
    ----------
    features
        (N, D) float32.
    groups
        (N,) int64 group of each pixel, in 0..n_groups-1.
    n_groups
        How many groups there are; some may be empty.
    """
    n_pixels, n_features = features.shape
    areas = torch.bincount(groups, minlength=n_groups)
    lengths = (areas + TILE - 1) // TILE
    first_slots = (lengths.cumsum(0) - lengths) * TILE
    first_ranks = areas.cumsum(0) - areas
    order = torch.argsort(groups, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(n_pixels, device=groups.device)
    slots = (first_slots - first_ranks).index_select(0, groups) + rank
    group_of_tile = torch.repeat_interleave(lengths)
    values = features.new_zeros(group_of_tile.numel() * TILE, n_features + 1)
    values[:, :n_features].index_copy_(0, slots, features)
    values[:, n_features].index_fill_(0, slots, 1)
    tiled = values.view(-1, TILE, n_features + 1).transpose(1, 2).contiguous()
    return Tiles(tiled, group_of_tile, lengths, slots)


def sum_groups(values: Tensor, lengths: Tensor) -> Tensor:
    """Sum runs of rows, each from its first to its last: the same result whenever it is run.

    Parameters
    ----------
    values
        (M, ...) floating.
    lengths
        (G,) int64 rows of each run, adding up to M; an empty run sums to zero.

    Returns
    -------
    (G, ...) float64.
    """
    flat = values.reshape(values.shape[0], -1).double()
    sums = torch.segment_reduce(flat, "sum", lengths=lengths, axis=0, unsafe=True, initial=0.0)
    return sums.view(lengths.numel(), *values.shape[1:])
