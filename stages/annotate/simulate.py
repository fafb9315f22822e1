"""An annotator who always clicks into the largest error."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from spam_pipe.stages.annotate.geodesic import Front, region_graph
from spam_pipe.stages.annotate.score import score
from spam_pipe.stages.annotate.votes import count_votes
from spam_pipe.stages.describe.numbering import check_fit, number
from spam_pipe.stages.regions.connectivity import connected_components
from spam_pipe.stages.validity import VOID


@dataclass(frozen=True, eq=False)
class Simulation:
    """The accuracy after each click."""

    # (n,) where it was
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    # (n,) of the mask after it
    pixel_accuracy: NDArray[np.float64]
    mean_iou: NDArray[np.float64]

    def clicks_to(self, accuracy: float) -> int | None:
        """Return how many clicks reach a pixel accuracy; None where they don't."""
        reached = np.flatnonzero(self.pixel_accuracy >= accuracy)
        return int(reached[0]) + 1 if reached.size else None


def simulate(
    labels: NDArray[np.integer[Any]],
    lab: NDArray[Any],
    truth: NDArray[np.integer[Any]],
    n_clicks: int,
    *,
    start_label: int = 0,
) -> Simulation:
    """Annotate an image by clicks at the innermost pixel of what is largest and wrong.

    After each click all superpixels have the class of the nearest clicked one in colour, as
    `stages.annotate.annotate.annotate` fills. Only errors of their superpixel's main class are
    clicked on: a person would not spoil the rest for a sliver. So each superpixel is clicked on at
    most once, and its pixels of other classes stay wrong. Every region of the ground truth is a
    class of its own. The clicks end early when nothing is left to click on.

    Parameters
    ----------
    labels
        (H, W) superpixels; every pixel a label of its own is annotation without superpixels.
    lab
        (H, W, 3) CIELab.
    truth
        (H, W) regions; `VOID` where it says nothing, which counts nowhere.
    n_clicks
        At most so many.
    start_label
        Labels below it are outside and count as wrong.

    Raises
    ------
    ValueError
        When the arrays don't fit each other.
    """
    index, ids = number(labels, start_label)
    check_fit("ground truth", truth, index)
    check_fit("an image", lab, index)
    regions, _ = number(truth, int(truth.min()))
    wanted = regions + 1
    inside = index >= 0
    counted = truth != VOID
    if not counted.any():
        raise ValueError("the ground truth is void everywhere")
    inside &= counted
    votes = count_votes(index[inside].astype(np.int64), wanted[inside].astype(np.int64))
    right_for_most = inside & (wanted == votes.winners(ids.size)[index])
    front = Front(region_graph(index, ids.size, lab))
    steps: list[tuple[int, int, float, float]] = []
    mask = np.zeros_like(wanted)
    for _ in range(n_clicks):
        place = _innermost_of_largest(np.where((mask != wanted) & right_for_most, wanted, -1))
        if place is None:
            break
        region, name = int(index[place]), int(wanted[place])
        front.mark(np.array([region], np.int64), np.array([name], np.int64))
        mask = np.where(inside, front.classes[index], 0)
        steps.append((*place, *score(mask[counted][np.newaxis], wanted[counted][np.newaxis])))
    table = np.array(steps, np.float64).reshape(-1, 4)
    places = table[:, :2].astype(np.int64)
    return Simulation(places[:, 0], places[:, 1], table[:, 2], table[:, 3])


def _innermost_of_largest(errors: NDArray[np.int32]) -> tuple[int, int] | None:
    """Return the pixel farthest from the border of the largest region; -1 is in none."""
    regions, n = connected_components(errors.astype(np.int32))
    if n == 0:
        return None
    largest = np.bincount(regions[regions >= 0]).argmax()
    rows, columns = np.nonzero(regions == largest)
    top, left = int(rows.min()), int(columns.min())
    window = regions[top : rows.max() + 1, left : columns.max() + 1] == largest
    depth = distance_transform_edt(np.pad(window, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return top + int(row), left + int(column)
