"""Superpixels as polygons that share their borders exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from spam_pipe.stages.describe.numbering import Index, number
from spam_pipe.stages.describe.rings import grouped, trace
from spam_pipe.stages.regions.connectivity import connected_components

Polygons = NDArray[np.object_]


def polygons(
    labels: NDArray[np.integer[Any]], *, simplify: float = 0.0, start_label: int = 0
) -> Polygons:
    """Return the outlines of superpixels.

    They run along pixel sides: x is the column and y the row, (0, 0) the outer corner of the first
    pixel, so that the centre of a pixel lies at (column + ½, row + ½). Together they are a valid
    coverage: neighbours hold the same points along their common border.

    Parameters
    ----------
    labels
        (H, W) integers, gaps allowed.
    simplify
        Remove detail along common borders that is smaller than about this many pixels
        (Visvalingam and Whyatt, 1993), for all superpixels at once, so that no gap opens; the
        outline of them all stays. 0 keeps every pixel side.
    start_label
        Labels below it are no superpixels: 0 leaves negative labels out, 1 also 0.

    Returns
    -------
    (n,) object
        A `shapely.Polygon` for each label, ascending, as `table` has them; a
        `shapely.MultiPolygon` where a label is not 4-connected. Holes stay holes.

    Raises
    ------
    ValueError
        When nothing is a superpixel, or `simplify` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> import spam_pipe
    >>> for outline in spam_pipe.polygons(np.array([[0, 0, 1], [0, 0, 1]])):
    ...     print(outline)
    POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))
    POLYGON ((2 0, 3 0, 3 2, 2 2, 2 0))
    """
    if not simplify >= 0:
        raise ValueError(f"simplify is a length in pixels, at least 0, not {simplify}")
    index, ids = number(labels, start_label)
    parts, owners = _parts(index)
    outlines = _joined(parts, owners, ids.size)
    if simplify:
        outlines = shapely.coverage_simplify(outlines, simplify, simplify_boundary=False)
    return outlines


def moved(
    outlines: Polygons, transform: tuple[float, float, float, float, float, float]
) -> Polygons:
    """Bring polygons from pixels to the ground.

    Parameters
    ----------
    outlines
        (n,) polygons in pixel corners.
    transform
        (a, b, c, d, e, f): x' = a · x + b · y + c and y' = d · x + e · y + f.

    Returns
    -------
    (n,) polygons with outer rings anticlockwise.
    """
    a, b, c, d, e, f = transform
    matrix, origin = np.array([[a, d], [b, e]]), np.array([c, f])
    placed = shapely.transform(outlines, lambda corners: corners @ matrix + origin)
    return np.asarray(shapely.orient_polygons(placed), np.object_)


def _parts(index: Index) -> tuple[Polygons, NDArray[np.int32]]:
    """Return a polygon per 4-connected part, and the (ascending) superpixel of each."""
    components, n = connected_components(index)
    superpixel = np.empty(n + 1, np.int32)  # outside, at -1, is the last
    superpixel[components] = index
    order = np.argsort(superpixel[:n], kind="stable")
    rank = np.full(n + 1, -1, np.int32)
    rank[order] = np.arange(n, dtype=np.int32)
    rings = grouped(trace(rank[components]))
    (first,) = np.nonzero(~rings.is_hole)
    parts = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON,
        rings.corners.astype(np.float64),
        (rings.offsets, np.append(first, rings.region.size)),
    )
    return parts, superpixel[order]


def _joined(parts: Polygons, owners: NDArray[np.int32], n: int) -> Polygons:
    """Join the parts of each superpixel."""
    if parts.size == n:
        return parts
    outlines = shapely.multipolygons(parts, indices=owners)
    alone = np.bincount(owners)[owners] == 1
    outlines[owners[alone]] = parts[alone]
    return np.asarray(outlines, np.object_)
