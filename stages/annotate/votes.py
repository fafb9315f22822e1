"""Votes of clicks for the regions that they fall into."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Clicks:
    """Pixels of known class, in the order in which they were said."""

    # (n,) from 0 at the upper left
    rows: Ints
    columns: Ints
    classes: Ints  # (n,) classes, from 1


@dataclass(frozen=True, eq=False)
class Votes:
    """Votes per region and class, sorted by region, the winning class of each last."""

    # (m,) one entry per region and class that was said of it
    regions: Ints
    classes: Ints
    counts: Ints

    def winners(self, n_regions: int) -> Ints:
        """Return the (n_regions,) class of each region, 0 where nothing was said."""
        found = np.zeros(n_regions, np.int64)
        last = np.flatnonzero(np.diff(self.regions, append=-1))
        found[self.regions[last]] = self.classes[last]
        return found

    def conflicts(self) -> "Votes":
        """Return the votes of the regions with clicks of several classes."""
        _, place, times = np.unique(self.regions, return_inverse=True, return_counts=True)
        several = times[place] > 1
        return Votes(self.regions[several], self.classes[several], self.counts[several])


def count_votes(regions: Ints, classes: Ints) -> Votes:
    """Count what was said of each region.

    The class said most often wins; of several, the one that was said last.

    Parameters
    ----------
    regions, classes
        (n,) non-negative numbers, in the order in which they were said.
    """
    if regions.size == 0:
        nothing = np.zeros(0, np.int64)
        return Votes(nothing, nothing, nothing)
    base = int(classes.max()) + 1
    keys, place, counts = np.unique(
        regions.astype(np.int64) * base + classes, return_inverse=True, return_counts=True
    )
    last = np.zeros(keys.size, np.int64)
    np.maximum.at(last, place.ravel(), np.arange(regions.size))
    order = np.lexsort((last, counts, keys // base))
    return Votes((keys // base)[order], (keys % base)[order], counts[order])
