"""What regions have in common, without a copy of the image."""

import numpy as np
from numpy.typing import NDArray

from stages.compiled import kernel
from stages.segment.nearest import Labels


@kernel
def value_of_each(regions: Labels, n_regions: int, values: Labels) -> NDArray[np.int32]:
    """Return the value that each region has throughout.

    Parameters
    ----------
    regions
        (H, W) int32 in 0..n_regions-1; -1 outside.
    n_regions
        How many there are, each with a pixel at least.
    values
        (H, W) int32, the same in all pixels of a region.
    """
    found = np.empty(n_regions, np.int32)
    for row in range(regions.shape[0]):
        for column in range(regions.shape[1]):
            if regions[row, column] >= 0:
                found[regions[row, column]] = values[row, column]
    return found
