"""Superpixels that don't look at the image: the floor of accuracy, the ceiling of regularity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages.segment.nearest import Labels, settle_seeds
from stages.segment.scene import Scene, Segmentation
from stages.segment.seeds import lattice_seeds

if TYPE_CHECKING:
    from stages.segment.config import SegmentConfig


def grid(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Cut the image into equal rectangles, near squares, of as near the number as rows allow."""
    height, width = scene.image.shape[:2]
    return Segmentation(grid_labels(height, width, *grid_shape(height, width, n_superpixels)))


def voronoi(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Lay out hexagons: the cells of SPAM's own seeds, before it looks at any colour."""
    whole = np.ones(scene.image.shape[:2], np.int32)
    counts = np.array([n_superpixels])
    return Segmentation(settle_seeds(whole, lattice_seeds(whole, counts), counts)[0])


def grid_shape(height: int, width: int, n_cells: int) -> tuple[int, int]:
    """Return the rows and columns whose product is nearest to a number, cells being near squares.

    Of the two numbers of rows around that of exact squares the one with the nearer product is
    taken, the lower one if they are equally near.
    """
    rows = np.sqrt(n_cells * height / width)
    shapes = []
    for n_rows in (int(np.floor(rows)), int(np.ceil(rows))):
        n_rows = min(max(n_rows, 1), height)
        shapes.append((n_rows, min(max(round(n_cells / n_rows), 1), width)))
    return min(shapes, key=lambda shape: abs(shape[0] * shape[1] - n_cells))


def grid_labels(height: int, width: int, n_rows: int, n_columns: int) -> Labels:
    """Number the cells of a grid in raster order: (H, W) int32 in 0..n_rows*n_columns-1."""
    rows = np.arange(height) * n_rows // height
    columns = np.arange(width) * n_columns // width
    labels: Labels = (rows[:, None] * n_columns + columns).astype(np.int32)
    return labels
