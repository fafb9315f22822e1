"""Superpixels that don't look at the image: the floor of accuracy, the ceiling of regularity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spam_pipe.stages.clustering.nearest import settle_seeds
from spam_pipe.stages.clustering.seeds import lattice_seeds
from spam_pipe.stages.methods.baselines.numbering import number_labels
from spam_pipe.stages.methods.baselines.search import count_note
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.scene import Scene, Segmentation

if TYPE_CHECKING:
    from spam_pipe.stages.methods.config import SegmentConfig


def grid(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Cut the image into equal rectangles, near squares, about as many as wanted."""
    height, width = scene.image.shape[:2]
    n_rows, n_columns = grid_shape(height, width, round(n_superpixels / scene.coverage))
    labels, n = grid_labels(height, width, n_rows, n_columns), n_rows * n_columns
    if scene.valid is not None:
        labels, n = number_labels(labels, scene.valid)
    note = count_note(n, n_superpixels, f"{n_rows} rows of {n_columns}")
    return Segmentation(labels, note)


def voronoi(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Lay out hexagons: the cells of SPAM's own seeds, before it looks at any colour."""
    whole = np.ones(scene.image.shape[:2], np.int32)
    if scene.valid is not None:
        whole[~scene.valid] = -1
    counts = np.array([n_superpixels])
    return Segmentation(settle_seeds(whole, lattice_seeds(whole, counts), counts)[0])


def grid_shape(height: int, width: int, n_cells: int) -> tuple[int, int]:
    """Return the rows and columns of a grid of about so many near squares.

    The shorter side's number is that of exact squares, rounded; the longer one's then brings the
    product as near to the wanted number as it can.
    """
    short, long = sorted((height, width))
    n_short = min(max(round(float(np.sqrt(n_cells * short / long))), 1), short)
    n_long = min(max(round(n_cells / n_short), 1), long)
    return (n_short, n_long) if height <= width else (n_long, n_short)


def grid_labels(height: int, width: int, n_rows: int, n_columns: int) -> Labels:
    """Number the cells of a grid in raster order: (H, W) int32 in 0..n_rows*n_columns-1."""
    rows = np.arange(height) * n_rows // height
    columns = np.arange(width) * n_columns // width
    labels: Labels = (rows[:, None] * n_columns + columns).astype(np.int32)
    return labels
