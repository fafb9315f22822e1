"""The second stage: proposals → objects and their merge tree."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.base import Count, Inputs, Output
from spam_pipe.stages.deferred import BY_BLOCKS, recipe
from spam_pipe.stages.prior.aggregate import aggregate, painting_order, renumbered
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.prior.divide import divide
from spam_pipe.stages.prior.restrict import restrict
from spam_pipe.stages.propose.gradient import gradient_strength
from spam_pipe.stages.propose.proposal import Proposal
from spam_pipe.stages.regions.adjacency import borders, bridged
from spam_pipe.stages.regions.merge_tree import mean_boundary_tree
from spam_pipe.stages.validity import filled_inputs


class PriorStage:
    """Turn an image's proposals into disjoint objects.

    Of masks and a partition together each object is divided by the partition, and the masks'
    borders are certain contours.

    Output arrays: ``objects`` (H, W) uint16, uint32 above 65535 (0 is uncertain, ids 1..n);
    ``parents`` (2n − 1,) int32 and ``altitudes`` (2n − 1,) float32, a binary tree whose node
    i < n is object i + 1, whose later nodes are merges in their order, and whose root is its own
    parent; ``contour`` (H, W) uint8 = 255 × probability, only where the proposal has one. Pixels
    without data are of no object (0), and contours there mean nothing.
    Attributes: ``n_objects``, ``uncertain`` (share of the pixels), ``note`` where one is due.
    A proposal that is made by blocks has no arrays: see `stages.segment.large.window_prior`.
    """

    def setup(self, config: PriorConfig, device: str) -> None:
        """Compile the kernels."""
        borders(bridged(np.array([[1, 2]])), np.zeros((1, 2), np.float32))

    def run(
        self, inputs: Inputs, config: PriorConfig, resources: None, units: Sequence[Count]
    ) -> Iterator[Output]:
        """Yield the image's objects.

        Raises
        ------
        ValueError
            When the proposal does not fit the image.
        """
        proposed = inputs.upstream["propose"][None]
        if BY_BLOCKS in proposed.attributes:
            yield Output(attributes=recipe("prior", config, proposed.attributes))
            return
        inputs = filled_inputs(inputs)
        assert inputs.image is not None
        shape = inputs.image.shape[:2]
        proposal = Proposal.from_arrays(proposed.arrays)
        tree, contour = proposal.partition, proposal.contour
        objects, note = _objects_of(proposal, config)
        for found in (objects, None if tree is None else tree.regions):
            if found is not None and found.shape != shape:
                raise ValueError(f"the proposal is of shape {found.shape}, the image of {shape}")
        regions: NDArray[np.integer[Any]]
        if tree is None:
            regions = np.ones(shape, np.int32) if objects is None else objects
            note += ": the whole image is one object" if note else ""
            parents, altitudes = mean_boundary_tree(regions, _strength(proposal, inputs.image))
        elif objects is None:
            regions, parents, altitudes = tree.regions, tree.parents, tree.altitudes
            note += ": objects by contours alone" if note else ""
        else:
            divided = divide(objects, tree.regions, _strength(proposal, inputs.image))
            regions, parents, altitudes = divided.objects, divided.parents, divided.altitudes
            contour = divided.contour
        uncertain = float(np.mean(regions == 0))
        if inputs.valid is not None:
            regions, parents, altitudes = restrict(regions, parents, altitudes, inputs.valid)
            uncertain = float(np.mean(regions[inputs.valid] == 0))
        n = (len(parents) + 1) // 2
        arrays: dict[str, NDArray[Any]] = {
            "objects": regions.astype(np.uint16 if n <= np.iinfo(np.uint16).max else np.uint32),
            "parents": parents,
            "altitudes": altitudes,
        }
        if contour is not None:
            arrays["contour"] = np.rint(255 * contour).astype(np.uint8)
        attributes = {"n_objects": n, "uncertain": uncertain}
        yield Output(arrays, attributes | ({"note": note} if note else {}))


def _objects_of(proposal: Proposal, config: PriorConfig) -> tuple[NDArray[np.int32] | None, str]:
    """Return the masks' objects, or None, and a note where masks that were asked for give none."""
    if proposal.masks is None:
        return None, ""
    if len(proposal.masks) == 0:
        return None, "no masks were proposed"
    if config.as_is:
        objects = renumbered(proposal.masks.paint(painting_order(proposal.masks)))
    else:
        objects = aggregate(proposal.masks, config.minimum_area, config.opening)
    if not objects.any():
        return None, "no mask is larger than prior.minimum_area"
    return objects, ""


def _strength(proposal: Proposal, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return gradient_strength(image) if proposal.contour is None else proposal.contour
