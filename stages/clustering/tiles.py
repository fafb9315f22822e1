"""Pixels laid out for the clustering: grouped by what they may join, in tiles of fixed size.

Pixels that start in one superpixel share its candidates. Grouped once, they meet the same few
means in every pass, so that distances are dense products over contiguous memory. A tile holds 64
pixels of one group, channel by channel, relative to the group's own mean: small numbers, for
which float32 is precise enough. A chunk is a run of tiles of one group, the unit of parallel work.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.candidates import Candidates
from spam_pipe.stages.clustering.features import Features
from spam_pipe.stages.compiled import kernel, record
from spam_pipe.stages.regions.connectivity import count_labels, list_members
from spam_pipe.stages.sharing import share_out

TILE = 64
"""Pixels of a tile."""
CHUNK = 16
"""Tiles of a chunk, at most."""
UNROLLED = 5
"""Channels that the kernels handle at a time: tiles are padded to a multiple of it."""


class Tiles(NamedTuple):
    """Features in tiles, and where they come from."""

    # (T, channels, 64) float32, each group's origin subtracted; zero where padded
    values: NDArray[np.float32]
    pixels: NDArray[np.int32]  # (T, 64) int32 index of each pixel; only the first `sizes` are valid
    sizes: NDArray[np.int32]  # (T,) int32 pixels in each tile
    chunks: NDArray[np.int32]  # (C + 1,) int32: chunk c holds tiles chunks[c] to chunks[c + 1] - 1
    groups: NDArray[np.int32]  # (C,) int32 group of each chunk


TILES = record(Tiles, "float32[:, :, ::1], int32[:, ::1], int32[::1], int32[::1], int32[::1]")


class _Layout(NamedTuple):
    """The pixels of each tile."""

    pixels: NDArray[np.int32]
    sizes: NDArray[np.int32]
    groups: NDArray[np.int32]


def tile_pixels(
    features: Features, groups: NDArray[np.int32], origins: Features, *, squared_position: bool
) -> Tiles:
    """Lay pixels out in tiles.

    Parameters
    ----------
    features
        (N, D) float32.
    groups
        (N,) int32 group of each pixel, in 0..G-1; pixels at -1 are left out.
    origins
        (G, D) float32 what is subtracted from the features of each group.
    squared_position
        Add a channel with the squared norm of the last two features, which lets superpixels
        weigh positions differently.

    Returns
    -------
    Tiles of D channels (and that one more), padded to a multiple of 5; pixels in their order.
    """
    areas = count_labels(groups, origins.shape[0])
    n_tiles = -(-areas // TILE)
    first_tiles = np.cumsum(n_tiles) - n_tiles
    group_of_tile = np.repeat(np.arange(areas.size, dtype=np.int32), n_tiles)
    rank = np.arange(group_of_tile.size) - first_tiles[group_of_tile]
    chunk_starts = np.flatnonzero(rank % CHUNK == 0)
    sizes = np.minimum(areas[group_of_tile] - rank * TILE, TILE).astype(np.int32)
    pixels = np.zeros((group_of_tile.size, TILE), np.int32)
    list_members(groups, first_tiles * TILE, pixels.reshape(-1))
    n_channels = features.shape[1] + squared_position
    padded = -(-n_channels // UNROLLED) * UNROLLED
    values = np.empty((group_of_tile.size, padded, TILE), np.float32)

    layout = _Layout(pixels, sizes, group_of_tile)

    def fill(first: int, last: int) -> None:
        _fill(first, last, features, origins, layout, squared_position, values)

    share_out(len(values), fill)
    return Tiles(
        values,
        pixels,
        sizes,
        np.append(chunk_starts, group_of_tile.size).astype(np.int32),
        group_of_tile[chunk_starts],
    )


def chunk_members(chunk_candidates: Candidates, n_seeds: int) -> tuple[NDArray[np.int64], ...]:
    """List, for each seed, the places among all chunks' candidates where it stands.

    Parameters
    ----------
    chunk_candidates
        (C, 9) int32 seeds, -1 where there is none.
    n_seeds
        How many seeds there are.

    Returns
    -------
    (n_seeds + 1,) offsets into, and the list of, indices into the raveled candidates; ascending.
    """
    flat = chunk_candidates.ravel()
    places = np.argsort(flat, kind="stable")[np.count_nonzero(flat < 0) :]
    offsets = np.zeros(n_seeds + 1, np.int64)
    np.cumsum(np.bincount(flat[places], minlength=n_seeds), out=offsets[1:])
    return offsets, places


@kernel(
    (
        "int64, int64, float32[:, ::1], float32[:, ::1]",
        record(_Layout, "int32[:, ::1], int32[::1], int32[::1]"),
        "boolean, float32[:, :, ::1]",
    )
)
def _fill(
    first: int,
    last: int,
    features: Features,
    origins: Features,
    layout: _Layout,
    squared_position: bool,
    values: NDArray[np.float32],
) -> None:
    pixels, sizes, groups = layout
    n_features = features.shape[1]
    for tile in range(first, last):
        target = values[tile]
        origin = origins[groups[tile]]
        size = sizes[tile]
        for channel in range(values.shape[1]):
            for i in range(size if channel < n_features else 0, TILE):
                target[channel, i] = np.float32(0)
        for i in range(size):
            source = features[pixels[tile, i]]
            for channel in range(n_features):
                target[channel, i] = source[channel] - origin[channel]
            if squared_position:
                row, column = target[n_features - 2, i], target[n_features - 1, i]
                target[n_features, i] = row * row + column * column
