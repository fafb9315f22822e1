"""The clustering's problem: an image at one count, with its seeds laid out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.balance import Balance
from spam_pipe.stages.clustering.candidates import Candidates
from spam_pipe.stages.clustering.features import Features
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects

if TYPE_CHECKING:
    from torch import Tensor

Map: TypeAlias = "NDArray[np.float32] | Tensor"
"""A network's result for each pixel, in memory or on the device that computed it."""


class Frame(NamedTuple):
    """A window of an image."""

    shape: tuple[int, int]  # height and width of the image
    window: tuple[slice, slice]  # the rows and columns that are looked at


@dataclass(frozen=True)
class Problem:
    """All that a back end of the clustering needs of an image at one count."""

    # (H, W, 3) float32 CIELab, its chroma weighed and smoothed as the balance says
    lab: NDArray[np.float32]
    n_superpixels: int  # how many are wanted: positions are scaled with it
    balance: Balance  # weights between colour, position and smooth borders
    # (H, W) int32 objects 1..n, 0 = uncertain, -1 = outside: no pixel of any superpixel
    objects: Objects
    initial: Labels  # (H, W) int32 initial superpixel of each pixel, in 0..K-1; -1 outside
    owners: NDArray[np.int32]  # (K,) int32 object of each superpixel
    # (K, 9) int32 superpixels that pixels of an object, and uncertain ones, may join
    candidates: Candidates
    uncertain_candidates: Candidates
    # (n + 1,) float64 pixels below which a region of each object (of none, at 0) is too small
    minimum_areas: NDArray[np.float64]
    # (K,) float64 factor of each superpixel's squared spatial distance; 1 where absent
    spatial_factor: NDArray[np.float64] | None = None
    density: NDArray[np.float64] | None = None  # (n,) float64 factor of each object; 1 where absent
    # (n,) int64 superpixels that each object is to have; how it falls out where absent
    quotas: NDArray[np.int64] | None = None
    deep: Map | None = None  # (H, W, C) float32 features of an encoder
    contour: Map | None = None  # (H, W) float32 contour probability in 0..1
    # where in a larger image this one lies; it is all there is where absent
    frame: Frame | None = None

    @property
    def coverage(self) -> float:
        """Share of the pixels that are not outside."""
        return float(np.count_nonzero(self.objects >= 0)) / self.objects.size


class Clustered(NamedTuple):
    """Labels before connectivity, and what they were decided by."""

    labels: Labels  # (H, W) int32 in 0..K-1; -1 outside
    features: Features  # (H * W, D) float32
