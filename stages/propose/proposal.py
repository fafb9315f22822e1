"""The proposal of a source, and how a store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.propose.hierarchy import Partition
from spam_pipe.stages.propose.run_lengths import RunLengths


@dataclass(frozen=True, eq=False)
class Proposal:
    """Masks, which may overlap, or a fine partition with its merge tree; or both, or neither."""

    # proposed masks; None when the source makes none (which is not the same as an empty list)
    masks: RunLengths | None = None
    partition: Partition | None = None  # A finest partition and its merges
    contour: NDArray[np.float32] | None = None  # (H, W) float32 in [0, 1]: how likely a border is

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to store; the contour in 255 steps."""
        arrays: dict[str, NDArray[Any]] = {}
        if self.masks is not None:
            arrays |= self.masks.to_arrays()
        if self.partition is not None:
            arrays |= {
                "regions": self.partition.regions,
                "parents": self.partition.parents,
                "altitudes": self.partition.altitudes,
            }
        if self.contour is not None:
            arrays["contour"] = np.rint(255 * self.contour).astype(np.uint8)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Proposal:
        """Rebuild from the arrays of `to_arrays`; ValueError when they do not fit together."""
        masks = RunLengths.from_arrays(arrays) if "counts" in arrays else None
        partition = None
        if "regions" in arrays:
            partition = Partition(arrays["regions"], arrays["parents"], arrays["altitudes"])
        contour = None
        if "contour" in arrays:
            contour = arrays["contour"].astype(np.float32) / np.float32(255)
        return cls(masks, partition, contour)
