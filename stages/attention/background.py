"""Saliency without learning: regions not connected to the image's frame (Zhu et al., 2014).

W. Zhu, S. Liang, Y. Wei, J. Sun: Saliency Optimization from Robust Background Detection, CVPR 2014.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path

from spam_pipe.stages.clustering.config import ClusteringConfig
from spam_pipe.stages.clustering.spam import spam
from spam_pipe.stages.regions.connectivity import adjacent_pairs
from spam_pipe.stages.regions.label_maps import Labels

N_REGIONS = 200
"""Regions of the graph."""

_COLOR_DEVIATION = 10.0
"""In Lab units: regions as far apart as this along the graph share background half and half."""
_BOUNDARY_DEVIATION = 1.0
_SPACE_DEVIATION = 0.25
"""Of contrast, as a share of the image's longer side."""
_LEAST_SMOOTHNESS = 0.1
_REGIONS = ClusteringConfig(iterations=5, over_seeding=1.0)


def background_saliency(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Find the salient regions of an image.

    The image is a graph of superpixels. A region is background as far as the area it reaches
    without a change of colour touches the frame (boundary connectivity, equations 1 to 5). A
    region that contrasts with background is foreground (equation 7). The saliency balances both
    with smoothness, in the sense of least squares (equation 9).

    Parameters
    ----------
    lab
        (H, W, 3) float32 CIELab.

    Returns
    -------
    (H, W) float32, from 0 at the least to 1 at the most salient region; 0 everywhere in an image
    of one colour.
    """
    regions = spam(lab, min(N_REGIONS, lab.shape[0] * lab.shape[1]), config=_REGIONS)
    n = int(regions.max()) + 1
    if n < 3:
        return np.zeros(lab.shape[:2], np.float32)
    areas = np.bincount(regions.ravel(), minlength=n).astype(np.float64)
    colors = _means(lab.reshape(-1, 3), regions, areas)
    difference = _distances(colors)
    neighbours, on_frame = _graph(regions, n)
    connectivity = _boundary_connectivity(difference, neighbours, on_frame, areas / areas.mean())
    background = 1 - np.exp(-(connectivity**2) / (2 * _BOUNDARY_DEVIATION**2))
    near = _gaussian(_distances(_centers(regions, areas)), _SPACE_DEVIATION)
    contrast = (difference * near) @ (background * areas)
    if contrast.max() <= contrast.min():
        return np.zeros(lab.shape[:2], np.float32)
    foreground = (contrast - contrast.min()) / np.ptp(contrast)
    alike = np.where(neighbours, _gaussian(difference, _COLOR_DEVIATION) + _LEAST_SMOOTHNESS, 0)
    laplacian = np.diag(alike.sum(axis=1)) - alike
    saliency = np.linalg.solve(np.diag(background + foreground) + laplacian, foreground)
    least, range_ = saliency.min(), np.ptp(saliency)
    scaled = (saliency - least) / range_ if range_ > 0 else np.zeros(n)
    return scaled.astype(np.float32)[regions]


def _boundary_connectivity(
    difference: NDArray[np.float64],
    neighbours: NDArray[np.bool_],
    on_frame: NDArray[np.bool_],
    areas: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the length along the frame of each region's span over the root of its area."""
    # Regions on the frame are neighbours: a background that an object cuts apart is one.
    rows, columns = np.nonzero(neighbours | (on_frame[:, None] & on_frame))
    # A sparse graph has no edge of weight 0, where colours are equal.
    weights = np.maximum(difference[rows, columns], 1e-9)
    graph = coo_array((weights, (rows, columns)), shape=difference.shape).tocsr()
    span = _gaussian(shortest_path(graph, directed=False), _COLOR_DEVIATION)
    return (span @ (on_frame * np.sqrt(areas))) / np.sqrt(span @ areas)


def _graph(regions: Labels, n: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which of n regions touch, (n, n), and which touch the frame, (n,)."""
    pairs, _ = adjacent_pairs(regions, n)
    neighbours = np.zeros((n, n), np.bool_)
    neighbours[pairs[:, 0], pairs[:, 1]] = neighbours[pairs[:, 1], pairs[:, 0]] = True
    on_frame = np.zeros(n, np.bool_)
    for side in (regions[0], regions[-1], regions[:, 0], regions[:, -1]):
        on_frame[side] = True
    return neighbours, on_frame


def _means(
    values: NDArray[np.floating], regions: Labels, areas: NDArray[np.float64]
) -> NDArray[np.float64]:
    flat = regions.ravel()
    sums = [np.bincount(flat, weights=channel, minlength=areas.size) for channel in values.T]
    return np.stack(sums, axis=1) / areas[:, None]


def _centers(regions: Labels, areas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 2) centres, as shares of the longer side."""
    positions = np.indices(regions.shape).reshape(2, -1).T / max(regions.shape)
    return _means(positions, regions, areas)


def _distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = np.linalg.norm(points[:, None] - points, axis=2)
    return distances


def _gaussian(distance: NDArray[np.float64], deviation: float) -> NDArray[np.float64]:
    nearness: NDArray[np.float64] = np.exp(-(distance**2) / (2 * deviation**2))
    return nearness
