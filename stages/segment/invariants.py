"""Invariants of the stages' results, checked on results read back from a store."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.base import Output, StageConfig
from spam_pipe.stages.deferred import BY_BLOCKS
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.names import NESTED
from spam_pipe.stages.propose.proposal import Proposal
from spam_pipe.stages.regions.tree import check_tree, level_of_regions
from spam_pipe.stages.segment.stored import labels_of, objects_of


def broken_invariants(
    stage: str,
    output: Output,
    upstream: Mapping[str, Output],
    config: StageConfig,
) -> Iterator[str]:
    """Yield what does not hold of a result, one line each.

    Parameters
    ----------
    stage
        The stage that made it.
    output
        What it made.
    upstream
        What it was made from, by stage, as far as that is known.
    config
        The stage's options.
    """
    arrays, attributes = output.arrays, output.attributes
    if stage == "propose":
        try:
            partition = Proposal.from_arrays(arrays).partition
        except (ValueError, KeyError) as error:
            yield f"the proposal does not fit together: {error}"
            return
        if partition is not None:
            yield from _broken_partition(partition.regions, partition.parents, least=1)
    elif stage == "prior" and BY_BLOCKS not in attributes:
        yield from _broken_partition(arrays["objects"], arrays["parents"], least=0)
    elif stage == "hierarchy":
        yield from _broken_hierarchy(output)
        objects = _first_objects(output, upstream.get("prior"), config)
        if objects is not None:
            yield from _across_objects(labels_of(output), objects)
    elif stage == "segment":
        labels = labels_of(output)
        yield from _broken_numbers(labels, int(attributes["n_superpixels"]))
        assert isinstance(config, SegmentConfig)
        if config.method in NESTED and "hierarchy" in upstream:
            yield from _no_level(labels, upstream["hierarchy"])
        elif config.resolved.method == "spam":
            yield from _unconnected(labels)
            objects = objects_of(output, upstream.get("prior"), config)
            if objects is not None:
                yield from _across_objects(labels, objects)
    elif stage == "evaluate" and "segment" in upstream:
        made = upstream["segment"].attributes["n_superpixels"]
        if attributes["n_superpixels"] != made:
            yield f"{attributes['n_superpixels']} superpixels were measured where there are {made}"


def _broken_partition(
    regions: NDArray[np.integer[Any]], parents: NDArray[np.integer[Any]], *, least: int
) -> Iterator[str]:
    """Check that regions are numbered 1..n without a gap and that their merges are a tree."""
    n = (len(parents) + 1) // 2
    counts = np.bincount(regions.ravel())
    if len(counts) != n + 1 or not counts[1:].all() or (least == 1 and counts[0]):
        yield f"the regions are not numbered 1..{n} without a gap"
    nodes = np.arange(len(parents))
    if len(parents) != 2 * n - 1 or parents[-1] != nodes[-1] or not (parents > nodes)[:-1].all():
        yield "the merges are no tree"


def _broken_numbers(labels: NDArray[np.int32], n: int) -> Iterator[str]:
    """Check that labels are 0..n − 1 without a gap; negative ones are outside."""
    counts = np.bincount(labels[labels >= 0])
    if len(counts) != n or not counts.all():
        yield f"the labels are not 0..{n - 1} without a gap"


def _unconnected(labels: NDArray[np.int32]) -> Iterator[str]:
    from spam_pipe.stages.regions.connectivity import connected_components

    n = int(labels.max()) + 1
    components = connected_components(labels)[1]
    if components != n:
        yield f"{n} labels are {components} 4-connected regions"


def _across_objects(labels: NDArray[np.int32], objects: NDArray[np.integer[Any]]) -> Iterator[str]:
    """Check that no label touches two objects; 0 = uncertain pixels belong to any."""
    certain = (objects > 0) & (labels >= 0)
    n = int(labels.max()) + 1
    first = np.full(n, np.iinfo(np.int64).max)
    last = np.full(n, -1)
    np.minimum.at(first, labels[certain], objects[certain])
    np.maximum.at(last, labels[certain], objects[certain])
    crossing = int(((last >= 0) & (first != last)).sum())
    if crossing:
        yield f"{crossing} labels lie in more than one object"


def _broken_hierarchy(output: Output) -> Iterator[str]:
    """Check that a tree belongs to its finest labels, which are connected."""
    parents, altitudes = output.arrays["parents"], output.arrays["altitudes"]
    try:
        check_tree(parents, altitudes)
    except ValueError as error:
        yield f"the tree is none: {error}"
        return
    labels = labels_of(output)
    n = (len(parents) + 1) // 2
    yield from _broken_numbers(labels, n)
    from spam_pipe.stages.regions.connectivity import connected_components

    pieces = connected_components(np.where(labels < 0, np.int32(-1), np.int32(0)))[1]
    if n >= pieces:
        yield from _unconnected(labels)


def _no_level(labels: NDArray[np.int32], hierarchy: Output) -> Iterator[str]:
    """Check that labels are nested: the level of so many regions of the hierarchy."""
    finest = labels_of(hierarchy)
    parents = hierarchy.arrays["parents"]
    n = int(labels.max()) + 1
    if finest.shape != labels.shape or not 1 <= n <= (len(parents) + 1) // 2:
        yield f"there is no level of {n} superpixels in the image's hierarchy"
        return
    lookup = np.append(level_of_regions(parents, n), np.int32(-1))
    if not np.array_equal(lookup[finest], labels):
        yield f"the labels are not the level of {n} superpixels of the image's hierarchy"


def _first_objects(
    output: Output, prior: Output | None, config: StageConfig
) -> NDArray[np.integer[Any]] | None:
    """Return the objects that the first anchor of a hierarchy keeps, and all finer levels.

    None where they are not known, or the finest level has fewer regions than they have pieces.
    """
    if prior is None or "n_windows" in output.attributes:
        return None
    from spam_pipe.stages.hierarchy.nest import anchor_levels
    from spam_pipe.stages.prior.cut import contour_of, objects_for
    from spam_pipe.stages.regions.connectivity import connected_components

    assert isinstance(config, SegmentConfig)
    labels = labels_of(output)
    first = anchor_levels(min(config.spam_nested.finest, int((labels >= 0).sum())))[0]
    found = output.arrays.get("objects")  # with drawn ones
    if found is None:
        found = objects_for(prior.arrays, contour_of(prior.arrays), first, config)
    if found is None:
        return None
    certain = np.where((found > 0) & (labels >= 0), found.astype(np.int32), np.int32(-1))
    # Each connected piece of an object is a region at least, and so is what is of no object.
    pieces = connected_components(certain)[1]
    areas, n_areas = connected_components(np.where(labels < 0, np.int32(-1), np.int32(0)))
    pieces += n_areas - np.unique(areas[certain >= 0]).size
    return found if pieces <= labels.max() + 1 else None
