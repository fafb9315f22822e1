"""The second stage: proposals → objects and their merge tree."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stages.base import Inputs, Output, Unit
from stages.prior.aggregate import aggregate, painting_order, renumbered
from stages.prior.config import PriorConfig
from stages.prior.merge_tree import mean_boundary_tree
from stages.propose.gradient import gradient_strength
from stages.propose.proposal import Proposal


class PriorStage:
    """Turn an image's proposals into disjoint objects.

    Output arrays: ``objects`` (H, W) uint16, uint32 above 65535 (0 is uncertain, ids 1..n);
    ``parents`` (2n − 1,) int32 and ``altitudes`` (2n − 1,) float32, a binary tree whose node
    i < n is object i + 1, whose later nodes are merges in their order, and whose root is its own
    parent; ``contour`` (H, W) uint8 = 255 × probability, only where the proposal has one.
    Attributes: ``n_objects``, ``uncertain`` (share of the pixels), ``note`` where one is due.
    """

    name: ClassVar[str] = "prior"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("propose",)
    reads: ClassVar[tuple[str, ...]] = ("image",)
    per_count: ClassVar[bool] = False
    Config: ClassVar[type[PriorConfig]] = PriorConfig

    def setup(self, config: PriorConfig, device: str) -> None:
        """Compile the kernels."""
        mean_boundary_tree(np.array([[1, 2]]), np.zeros((1, 2), np.float32))

    def run(
        self, inputs: Inputs, config: PriorConfig, resources: None, units: Sequence[Unit]
    ) -> Iterator[Output]:
        """Yield the image's objects.

        Raises
        ------
        ValueError
            When the proposal does not fit the image.
        """
        assert inputs.image is not None
        shape = inputs.image.shape[:2]
        proposal = Proposal.from_arrays(inputs.upstream["propose"][None].arrays)
        note = ""
        objects: NDArray[np.integer[Any]]
        if proposal.partition is not None:
            tree = proposal.partition
            objects, parents, altitudes = tree.regions, tree.parents, tree.altitudes
        else:
            objects, note = _objects_of(proposal, config, shape)
            strength = proposal.contour
            if strength is None and objects.max() > 1:
                strength = gradient_strength(inputs.image)
            if strength is None:
                strength = np.zeros(shape, np.float32)
            parents, altitudes = mean_boundary_tree(objects, strength)
        if objects.shape != shape:
            raise ValueError(f"the proposal is of shape {objects.shape}, the image of {shape}")
        n = (len(parents) + 1) // 2
        arrays: dict[str, NDArray[Any]] = {
            "objects": objects.astype(np.uint16 if n <= np.iinfo(np.uint16).max else np.uint32),
            "parents": parents,
            "altitudes": altitudes,
        }
        if proposal.contour is not None:
            arrays["contour"] = inputs.upstream["propose"][None].arrays["contour"]
        attributes = {"n_objects": n, "uncertain": float(np.mean(objects == 0))}
        yield Output(arrays, attributes | ({"note": note} if note else {}))


def _objects_of(
    proposal: Proposal, config: PriorConfig, shape: tuple[int, ...]
) -> tuple[NDArray[np.int32], str]:
    """Return objects of masks, at least one, and a note where they are not what one expects."""
    whole = np.ones(shape, np.int32)
    if proposal.masks is None:
        return whole, ""
    if len(proposal.masks) == 0:
        return whole, "no masks were proposed: the whole image is one object"
    if config.as_is:
        objects = renumbered(proposal.masks.paint(painting_order(proposal.masks)))
    else:
        objects = aggregate(proposal.masks, config.minimum_area, config.opening)
    if not objects.any():
        return whole, "no object is larger than prior.minimum_area: the image is one object"
    return objects, ""
