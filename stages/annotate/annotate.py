"""From clicks to the class of every pixel, by superpixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.annotate.geodesic import fill as fill_regions
from spam_pipe.stages.annotate.geodesic import region_graph
from spam_pipe.stages.annotate.votes import Clicks, Votes, count_votes
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.describe.numbering import check_fit, number


@dataclass(frozen=True, eq=False)
class Annotation:
    """The classes of an image's superpixels, from clicks."""

    mask: NDArray[np.int64]  # (H, W) int64 classes, 0 where none is known
    # votes of superpixels with clicks of several classes; their regions are labels
    conflicts: Votes
    # how many superpixels were clicked on, and how many there are
    n_clicked: int
    n_superpixels: int


def annotate(
    labels: NDArray[np.integer[Any]],
    clicks: Clicks,
    *,
    start_label: int = 0,
    painted: NDArray[np.integer[Any]] | None = None,
    objects: NDArray[np.integer[Any]] | None = None,
    fill: bool = False,
    image: NDArray[np.uint8] | None = None,
) -> Annotation:
    """Give each superpixel the class that most of its clicks say, and its pixels with it.

    A superpixel without clicks gets the class that is painted on most of it; else, with objects,
    the class that most clicks on its object say; else, where that is wanted, the class of the
    superpixel that is nearest in colour (`stages.annotate.geodesic`); else 0. Painted pixels keep
    their class where no click on their superpixel says another.

    Parameters
    ----------
    labels
        (H, W) superpixels.
    clicks
        Pixels of known class. The class clicked most often wins, of several the one clicked last.
    start_label
        Labels below it are outside: the mask is 0 there.
    painted
        (H, W) classes of whole areas, 0 = none.
    objects
        (H, W) ids, 0 = uncertain.
    fill
        Whether superpixels that nothing is said of get a class.
    image
        (H, W, 3) uint8, sRGB; needed to fill.

    Raises
    ------
    ValueError
        When a click lies outside of the image or of its data, or the arrays don't fit.

    Examples
    --------
    >>> labels = np.array([[0, 0, 1, 2]])
    >>> clicks = Clicks(np.array([0, 0]), np.array([0, 3]), np.array([5, 7]))
    >>> annotate(labels, clicks).mask
    array([[5, 5, 0, 7]])
    """
    index, ids = number(labels, start_label)
    for name, array in (("painted classes", painted), ("objects", objects), ("an image", image)):
        if array is not None:
            check_fit(name, array, index)
    if fill and image is None:
        raise ValueError("filling needs the image")
    regions = _clicked(index, clicks)
    votes = count_votes(regions, clicks.classes)
    classes = votes.winners(ids.size)
    open_to_paint = np.append(classes == 0, False)  # the last: outside, where the index is -1
    if painted is not None:
        classes = np.where(classes == 0, _most_of(index, painted, ids.size), classes)
    if objects is not None:
        sure = np.where(objects > 0, index, -1)
        owners = _most_of(sure, objects, ids.size)
        said = count_votes(owners[regions], clicks.classes).winners(int(owners.max()) + 1)
        said[0] = 0  # superpixels in no object have none in common
        classes = np.where(classes == 0, said[owners], classes)
    if fill and image is not None:
        classes = fill_regions(region_graph(index, ids.size, rgb_to_lab(image)), classes)
    mask = np.where(index >= 0, classes[index], 0)
    if painted is not None:
        mask = np.where((painted > 0) & open_to_paint[index], painted, mask)
    found = votes.conflicts()
    conflicts = Votes(ids[found.regions], found.classes, found.counts)
    return Annotation(mask, conflicts, np.unique(regions).size, ids.size)


def _clicked(index: NDArray[np.int32], clicks: Clicks) -> NDArray[np.int64]:
    """Return the (n,) superpixel under each click."""
    height, width = index.shape
    rows, columns = clicks.rows, clicks.columns
    outside = (rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)
    if outside.any():
        first = int(outside.argmax())
        raise ValueError(
            f"the click x = {columns[first]}, y = {rows[first]} lies outside the image, which is "
            f"{width} wide and {height} high; pixels count from 0 at the upper left"
        )
    regions = index[rows, columns].astype(np.int64)
    if (regions < 0).any():
        first = int((regions < 0).argmax())
        raise ValueError(
            f"the click x = {columns[first]}, y = {rows[first]} lies where the image has no data; "
            "remove it"
        )
    return regions


def _most_of(
    index: NDArray[np.int32], values: NDArray[np.integer[Any]], n_regions: int
) -> NDArray[np.int64]:
    """Return the (n_regions,) value that most of each region's pixels have."""
    inside = index >= 0
    votes = count_votes(index[inside].astype(np.int64), values[inside].astype(np.int64))
    return votes.winners(n_regions)
