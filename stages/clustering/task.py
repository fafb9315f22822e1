"""What there is to cluster: an image at one count, with its seeds laid out."""

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
"""What a network says of each pixel: in memory, or on the device that computed it."""


class Frame(NamedTuple):
    """A window of an image.

    Attributes
    ----------
    shape
        Height and width of the image.
    window
        The rows and columns that are looked at.
    """

    shape: tuple[int, int]
    window: tuple[slice, slice]


@dataclass(frozen=True)
class Problem:
    """All that a back end of the clustering needs of an image at one count.

    Attributes
    ----------
    lab
        (H, W, 3) float32 CIELab, its chroma weighed and smoothed as the balance says.
    n_superpixels
        How many are wanted: positions are scaled with it.
    balance
        Weights between colour, position and smooth borders.
    objects
        (H, W) int32 objects 1..n, 0 = uncertain, -1 = outside: no pixel of any superpixel.
    initial
        (H, W) int32 initial superpixel of each pixel, in 0..K-1; -1 outside.
    owners
        (K,) int32 object of each superpixel.
    candidates, uncertain_candidates
        (K, 9) int32 superpixels that pixels of an object, and uncertain ones, may join.
    minimum_areas
        (n + 1,) float64 pixels below which a region of each object (of none, at 0) is too small.
    spatial_factor
        (K,) float64 factor of each superpixel's squared spatial distance; 1 where absent.
    quotas
        (n,) int64 superpixels that each object is to have; how it falls out where absent.
    density
        (n,) float64 factor of each object; 1 where absent.
    deep
        (H, W, C) float32 features of an encoder.
    contour
        (H, W) float32 contour probability in 0..1.
    frame
        Where in a larger image this one lies; it is all there is where absent.
    """

    lab: NDArray[np.float32]
    n_superpixels: int
    balance: Balance
    objects: Objects
    initial: Labels
    owners: NDArray[np.int32]
    candidates: Candidates
    uncertain_candidates: Candidates
    minimum_areas: NDArray[np.float64]
    spatial_factor: NDArray[np.float64] | None = None
    density: NDArray[np.float64] | None = None
    quotas: NDArray[np.int64] | None = None
    deep: Map | None = None
    contour: Map | None = None
    frame: Frame | None = None

    @property
    def coverage(self) -> float:
        """Share of the pixels that are not outside."""
        return float(np.count_nonzero(self.objects >= 0)) / self.objects.size


class Clustered(NamedTuple):
    """Labels before connectivity, and what they were decided by.

    Attributes
    ----------
    labels
        (H, W) int32 in 0..K-1; -1 outside.
    features
        (H * W, D) float32.
    """

    labels: Labels
    features: Features
