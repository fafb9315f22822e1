"""Differentiable soft clustering on a regular grid (METHOD.md, section 7; SSN, ECCV 2018).

On a grid the candidates of a pixel are its own cell's superpixel and the eight around it: the
same nine for all pixels of a cell. Distances, means and reconstructions are then batched matrix
products over the cells, on any device.
"""

from typing import NamedTuple

import torch
from torch import Tensor

CANDIDATES = 9


class Grid(NamedTuple):
    """A square image cut into square cells, numbered row by row."""

    side: int  # cells a side, S
    candidates: Tensor  # (S², 9) int64, the cells around each cell; S² where the image ends


class Clusters(NamedTuple):
    """A soft assignment of the pixels of every cell to its nine candidates."""

    assignment: Tensor  # (B, S², 9, P), sums to 1 over the candidates
    means: Tensor  # (B, S², D), features of the superpixels, from the assignment before the last


def make_grid(side: int, device: torch.device | str = "cpu") -> Grid:
    """Return the grid of side×side cells."""
    row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    step = torch.arange(-1, 2)
    rows = (row.reshape(-1, 1, 1) + step[:, None]).expand(-1, 3, 3).reshape(-1, CANDIDATES)
    columns = (column.reshape(-1, 1, 1) + step).expand(-1, 3, 3).reshape(-1, CANDIDATES)
    outside = (rows < 0) | (rows >= side) | (columns < 0) | (columns >= side)
    candidates = torch.where(outside, side * side, rows * side + columns)
    return Grid(side, candidates.to(device))


def to_cells(image: Tensor, grid: Grid) -> Tensor:
    """Group pixels by cell: (B, C, H, W) to (B, S², C, P).

    Raises
    ------
    ValueError
        When the sides are no multiples of the number of cells.
    """
    batch, channels, height, width = image.shape
    side = grid.side
    if height % side or width % side:
        raise ValueError(f"a {height}×{width} crop cannot be cut into {side}×{side} equal cells")
    cells = image.reshape(batch, channels, side, height // side, side, width // side)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(batch, side * side, channels, -1)


def from_cells(cells: Tensor, grid: Grid) -> Tensor:
    """Undo `to_cells` for a square image: (B, S², C, P) to (B, C, H, W)."""
    batch, _, channels, pixels = cells.shape
    side, cell = grid.side, round(pixels**0.5)
    image = cells.reshape(batch, side, side, channels, cell, cell).permute(0, 3, 1, 4, 2, 5)
    return image.reshape(batch, channels, side * cell, side * cell)


def cluster(features: Tensor, grid: Grid, iterations: int) -> Clusters:
    """Cluster the pixels softly, starting from the cells' means.

    Parameters
    ----------
    features
        (B, S², D, P), all features of the pixels (`to_cells`).
    grid
        The cells.
    iterations
        Passes over the distances.

    Returns
    -------
    The soft assignment of the last pass.
    """
    # A channel of ones lets one product give distances with their offset, another sums with masses.
    extended = torch.cat((features, torch.ones_like(features[:, :, :1])), dim=2)
    means = features.mean(dim=3)
    assignment = _assign(extended, means, grid)
    for _ in range(iterations - 1):
        means = _means(extended, assignment, grid)
        assignment = _assign(extended, means, grid)
    return Clusters(assignment, means)


def mean_of(values: Tensor, assignment: Tensor, grid: Grid) -> Tensor:
    """Return the superpixels' assignment-weighted means, (B, S², C), of (B, S², C, P) values."""
    return _means(torch.cat((values, torch.ones_like(values[:, :, :1])), dim=2), assignment, grid)


def spread(rows: Tensor, grid: Grid) -> Tensor:
    """Hand every cell its candidates' rows: (B, S², C) to (B, S², 9, C), zeros outside."""
    return _spread(rows, rows.new_zeros(rows.shape[2]), grid)


def _assign(extended: Tensor, means: Tensor, grid: Grid) -> Tensor:
    # ‖f - m‖² without ‖f‖², which is the same for all candidates and leaves the softmax alone.
    offsets = -means.square().sum(dim=2, keepdim=True)
    unreachable = means.new_zeros(means.shape[2] + 1)
    unreachable[-1] = -1e30
    nearness = _spread(torch.cat((2 * means, offsets), dim=2), unreachable, grid) @ extended
    return nearness.softmax(dim=2)


def _means(extended: Tensor, assignment: Tensor, grid: Grid) -> Tensor:
    totals = _gather_cells(assignment @ extended.transpose(2, 3), grid)
    means: Tensor = totals[..., :-1] / totals[..., -1:].clamp_min(1e-8)
    return means


def _spread(rows: Tensor, outside: Tensor, grid: Grid) -> Tensor:
    batch, cells, channels = rows.shape
    table = torch.cat((rows, outside.expand(batch, 1, -1)), dim=1)
    chosen = table.index_select(1, grid.candidates.reshape(-1))
    return chosen.reshape(batch, cells, CANDIDATES, channels)


def _gather_cells(parts: Tensor, grid: Grid) -> Tensor:
    """Sum (B, S², 9, C) contributions to the cells that they are for: (B, S², C)."""
    batch, cells, _, channels = parts.shape
    totals = parts.new_zeros(batch, cells + 1, channels)
    totals = totals.index_add(1, grid.candidates.reshape(-1), parts.reshape(batch, -1, channels))
    return totals[:, :-1]
