"""Hierarchies of others, cut at exactly the wanted number of regions: levels of these are nested.

Each builds a binary tree whose merges are in order, and takes the level of K regions. They know
nothing of a mask: where there is one, regions are cut off at it and the number made is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.methods.baselines.numbering import number_labels
from spam_pipe.stages.methods.baselines.search import count_note
from spam_pipe.stages.regions.adjacency import borders
from spam_pipe.stages.regions.tree import level_of_regions
from spam_pipe.stages.scene import Scene, Segmentation

if TYPE_CHECKING:
    from spam_pipe.stages.methods.config import SegmentConfig


def slic_ward(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Merge SLIC's superpixels by Ward's criterion on their mean colours (Ward, 1963).

    The finest level is scikit-image's SLIC at its own compactness, asked for
    ``segment.slic_ward.finest`` superpixels; what it really makes is in ``n_finest``.
    """
    import higra
    from skimage.segmentation import slic

    finest, n = number_labels(
        slic(
            scene.image,
            n_segments=config.slic_ward.finest,
            compactness=config.slic_ward.compactness,
            start_label=0,
        )
    )
    found = borders(finest, np.zeros(finest.shape, np.float32))
    graph = higra.UndirectedGraph(n)
    graph.add_edges(found.first, found.second)
    sizes = np.bincount(finest.ravel(), minlength=n).astype(np.float64)
    colors = scene.lab.reshape(-1, 3).astype(np.float64)
    sums = [np.bincount(finest.ravel(), channel, n) for channel in colors.T]
    centroids = np.stack(sums, axis=1) / sizes[:, None]
    tree, _ = higra.binary_partition_tree_ward_linkage(graph, centroids, sizes)
    return _level(finest, tree.parents(), scene, n_superpixels)


def bpt(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Merge pixels by Ward's criterion on their colours (Salembier and Garrido, 2000; higra)."""
    return _level_of_pixels(scene, n_superpixels, _pixel_partition_tree)


def watershed_hierarchy(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Merge the watershed's basins by area (Cousty and Najman, 2011; higra).

    Borders are as strong as the CIELab colours of the two pixels differ.
    """
    return _level_of_pixels(scene, n_superpixels, _watershed_tree)


def _pixel_partition_tree(shape: tuple[int, int], lab: NDArray[np.float64]) -> NDArray[Any]:
    import higra

    graph = higra.get_4_adjacency_graph(shape)
    tree, _ = higra.binary_partition_tree_ward_linkage(graph, lab)
    parents: NDArray[Any] = tree.parents()
    return parents


def _watershed_tree(shape: tuple[int, int], lab: NDArray[np.float64]) -> NDArray[Any]:
    import higra

    graph = higra.get_4_adjacency_graph(shape)
    weights = higra.weight_graph(graph, lab, higra.WeightFunction.L2)
    # Its merges of equal altitude are of several nodes at once: here they come one by one.
    borders_of = higra.saliency(*higra.watershed_hierarchy_by_area(graph, weights))
    tree, _ = higra.bpt_canonical(graph, borders_of)
    parents: NDArray[Any] = tree.parents()
    return parents


def _level_of_pixels(scene: Scene, n_superpixels: int, grow: Any) -> Segmentation:
    height, width, _ = scene.lab.shape
    lab = scene.lab.reshape(-1, 3).astype(np.float64)
    pixels = np.arange(height * width, dtype=np.int32).reshape(height, width)
    return _level(pixels, grow((height, width), lab), scene, n_superpixels)


def _level(
    finest: NDArray[np.int32], parents: NDArray[Any], scene: Scene, n_superpixels: int
) -> Segmentation:
    n = (len(parents) + 1) // 2
    lookup = level_of_regions(parents.astype(np.int32), min(n_superpixels, n))
    labels, made = number_labels(lookup[finest], scene.valid)
    how = "what the hierarchy's finest level has" if n < n_superpixels else "cut off at the mask"
    return Segmentation(labels, {"n_finest": n, **count_note(made, n_superpixels, how)})
