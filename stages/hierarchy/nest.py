"""Nested superpixels: one tree whose every level is a segmentation of exactly so many regions.

A few levels, the anchors, are made by splitting: each is clustered as `stages.clustering.spam`
clusters, inside the regions of the anchor before it, so that regions keep their shape. One finer
clustering, made once, says where each anchor's superpixels start. The levels between two anchors,
and those under the first, come of merging, one pair at a time (`stages.hierarchy.merging`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.attention.attend import Attention
from spam_pipe.stages.clustering.backends import cluster_tasks
from spam_pipe.stages.clustering.balance import resolve_balance
from spam_pipe.stages.clustering.config import ClusteringConfig
from spam_pipe.stages.clustering.exact_count import merge_to_count, merge_to_quotas
from spam_pipe.stages.clustering.features import Features, position_scale
from spam_pipe.stages.clustering.seeding import seeding_from
from spam_pipe.stages.clustering.seeds import share_seeds
from spam_pipe.stages.clustering.soft_clustering import label_means
from spam_pipe.stages.clustering.spam import connect, lay_out
from spam_pipe.stages.clustering.task import Map, Problem
from spam_pipe.stages.colour import smooth_lab
from spam_pipe.stages.hierarchy.merging import (
    Weights,
    always,
    measure_regions,
    merge_in_order,
    phases_down,
    steps_down,
)
from spam_pipe.stages.hierarchy.objects import (
    Cut,
    Prior,
    coarser_groups,
    nested_cuts,
    pieces_of,
    snapped,
)
from spam_pipe.stages.prior.config import CutConfig
from spam_pipe.stages.regions.adjacency import bridged
from spam_pipe.stages.regions.connectivity import (
    absorb_small,
    connected_components,
    count_labels,
    region_owners,
)
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects, compact_objects
from spam_pipe.stages.regions.tree import tree_of_merges, truncated
from spam_pipe.stages.validity import check_valid, fill_outside, window_of

FIRST_ANCHOR = 100
ANCHOR_STEP = 4
"""Anchors are at 100, 400, 1,600 …, and at the finest level: long steps leave room for shape."""

_SLIVER = 0.25
"""Share of the finest level's mean area below which what a finer object cuts off is a sliver."""

_FINE = Weights(position=1.4, contour=0.5)
"""From the second anchor on, chosen on BSD val: there are few pairs to choose from, and shape
suffers first."""

_MIDDLE = Weights(position=1.4, contour=1.0)
"""Between the first two anchors, likewise: accuracy suffers too."""

_COARSE = Weights(position=1.0, contour=1.5)
"""Under the first anchor, likewise: accuracy suffers first."""

_CLUSTERING, _CUT = ClusteringConfig(), CutConfig()


@dataclass(frozen=True, eq=False)
class Nested:
    """A partition and the tree of its merges.

    Attributes
    ----------
    labels
        (H, W) int32 regions 0..n-1 of the finest level in raster order of their first pixel; -1
        outside of the valid pixels.
    parents
        (2n - 1,) int32 (see `stages.regions.tree`).
    altitudes
        (2n - 1,) float64: 0 for regions; of a merge sqrt(N/k), the edge in pixels of a mean
        region among the k that it leaves of N valid pixels. Strictly rising.
    n_objects
        From which number of regions on how many objects are kept, rising.
    """

    labels: Labels
    parents: NDArray[np.int32]
    altitudes: NDArray[np.float64]
    n_objects: tuple[tuple[int, int], ...]

    @classmethod
    def of(
        cls,
        labels: Labels,
        parents: NDArray[np.int32],
        n_pixels: int,
        n_objects: Iterable[tuple[int, int]],
    ) -> Nested:
        """Give a tree over so many valid pixels its altitudes."""
        n = (len(parents) + 1) // 2
        altitudes = np.zeros(2 * n - 1)
        altitudes[n:] = np.sqrt(n_pixels / np.arange(n - 1, 0, -1))
        return cls(labels, parents, altitudes, tuple(sorted(n_objects)))


@dataclass(frozen=True, eq=False)
class _Anchor:
    """A level made by splitting: its labels, the objects they keep to, and their densities."""

    labels: Labels
    objects: Objects
    density: NDArray[np.float64] | None


def nest(
    lab: NDArray[np.float32],
    n_finest: int,
    *,
    deep: Map | None = None,
    bands: NDArray[np.float32] | None = None,
    prior: Prior | None = None,
    attention: Attention | None = None,
    contour: Map | None = None,
    valid: NDArray[np.bool_] | None = None,
    config: ClusteringConfig = _CLUSTERING,
    cut: CutConfig = _CUT,
    device: str = "cpu",
) -> Nested:
    """Build a hierarchy of superpixels with every number of regions from one to the finest.

    No region of a level crosses an object that the prior's cut at that level keeps. Cuts are
    nested: from the first anchor on as `stages.hierarchy.objects.nested_cuts` makes them for each
    anchor, and under it as the prior's tree joins the first anchor's objects. Where nothing else
    is left to merge, objects merge sooner. Regions are 4-connected, except in levels of fewer
    regions than the valid pixels have connected pieces.

    Parameters
    ----------
    lab
        (H, W, 3) float32 CIELab, L in 0..100.
    n_finest
        How many superpixels the finest level is to have; at most the valid pixels are made.
    deep, bands, contour, valid, device
        As for `stages.clustering.spam.spam`.
    prior
        Objects and their tree; the whole image is one object where there are none.
    attention
        From the objects of a cut, and its number of superpixels, to each object's factor: levels
        have that many times more regions there.
    config
        Options of the clustering, in the refined mode.
    cut
        How many of the prior's objects a level keeps.

    Raises
    ------
    ValueError
        When shapes don't fit the image's, values are out of range, no pixel is valid, or the
        options are the paper's mode, which has no exact counts to nest.
    """
    if n_finest < 1:
        raise ValueError(f"the finest level has at least one superpixel, not {n_finest}")
    if config.mode != "refined":
        raise ValueError("nested superpixels are made in the refined mode, not in the paper's")
    shape = lab.shape[:2]
    n_pixels = shape[0] * shape[1]
    if valid is not None:
        check_valid(valid, shape)
        n_pixels = int(np.count_nonzero(valid))
        if prior is not None:
            inside = np.where(valid, prior.objects, 0).astype(prior.objects.dtype)
            prior = replace(prior, objects=inside)
    if prior is not None and not prior.objects.any():
        prior = None
    levels = anchor_levels(min(n_finest, n_pixels))
    cuts = [Cut(np.ones(shape, np.int32), np.array([0, 1], np.int32))] * len(levels)
    if prior is not None:
        cuts = list(nested_cuts(prior, levels, cut))
    densities = [
        None if attention is None or prior is None else attention(kept.objects, level)[0]
        for kept, level in zip(cuts, levels, strict=True)
    ]
    window = (slice(None), slice(None))
    if valid is not None:
        window = window_of(valid)
        valid, lab = valid[window], lab[window]
        lab = fill_outside(np.where(valid[..., None], lab, np.float32(0)), valid)
        deep = None if deep is None else deep[window]
        bands = None if bands is None else bands[window]
        contour = None if contour is None else contour[window]
        cuts = [replace(kept, objects=kept.objects[window]) for kept in cuts]
    anchors, features = _split(
        lab, levels, cuts, densities, deep, bands, contour, valid, config, device
    )
    balance = resolve_balance(config, has_deep=deep is not None)
    finest, parents, kept_below = _merge(
        anchors, features, balance.compactness, levels, cuts[0], prior, contour, cut.rho
    )
    if finest.shape != shape:
        labels = np.full(shape, -1, np.int32)
        labels[window] = finest
        finest = labels
    kept_above = [
        (level, int(each.mapping.max())) for level, each in zip(levels, cuts, strict=True)
    ]
    n_objects = [] if prior is None else [*kept_below, *kept_above]
    return Nested.of(finest, parents, n_pixels, n_objects)


def weights_at(n_regions: int) -> Weights:
    """Return what counts in merges that come to so many regions."""
    if n_regions >= FIRST_ANCHOR * ANCHOR_STEP:
        return _FINE
    return _MIDDLE if n_regions >= FIRST_ANCHOR else _COARSE


def anchor_levels(n_finest: int) -> list[int]:
    """Return the numbers of superpixels of the levels that are made by splitting, rising."""
    levels = []
    level = FIRST_ANCHOR
    while 2 * level <= n_finest:
        levels.append(level)
        level *= ANCHOR_STEP
    return [*levels, n_finest]


def kept_objects(
    prior: Prior, n_regions: int, n_finest: int, config: CutConfig
) -> NDArray[np.int32]:
    """Return the (H, W) objects, 0 = uncertain, that a level of a hierarchy keeps."""
    levels = anchor_levels(n_finest)
    *_, cut = nested_cuts(prior, [k for k in levels if k <= max(n_regions, levels[0])], config)
    if n_regions >= levels[0]:
        return cut.objects
    level = next(k for k in steps_down(levels[0], 1) if k <= n_regions)
    groups = coarser_groups(prior, cut, level, config.rho)
    kept: NDArray[np.int32] = (groups if level > 1 else np.minimum(groups, 1))[cut.objects]
    return kept


def _split(
    lab: NDArray[np.float32],
    levels: list[int],
    cuts: list[Cut],
    densities: list[NDArray[np.float64] | None],
    deep: Map | None,
    bands: NDArray[np.float32] | None,
    contour: Map | None,
    valid: NDArray[np.bool_] | None,
    config: ClusteringConfig,
    device: str,
) -> tuple[list[_Anchor], Features]:
    """Make the anchors, each inside the regions of the one before; return the last's features."""
    draft = lay_out(
        lab,
        levels[-1],
        deep=deep,
        bands=bands,
        objects=cuts[-1].objects,
        density=densities[-1],
        contour=contour,
        valid=valid,
        config=config,
    )
    unrelaxed = replace(draft, balance=replace(draft.balance, rounds=0))
    drafted = next(iter(cluster_tasks([unrelaxed], config, device)))
    pieces, _ = connected_components(drafted.labels)
    balance = draft.balance
    weights = np.array([1, balance.chroma_weight, balance.chroma_weight], np.float32)
    edge = float(np.sqrt(draft.coverage * draft.objects.size / levels[-1]))
    anchors: list[_Anchor] = []
    for level, cut, density in zip(levels, cuts, densities, strict=True):
        objects = np.where(draft.objects < 0, np.int32(-1), cut.objects)
        if anchors:
            parts, ids = compact_objects(pieces_of(cut.objects, anchors[-1].labels))
            if density is not None:
                owners = region_owners(parts, int(ids.size) + 1, objects)[1:]
                density = np.where(owners > 0, density[owners - 1], 1.0)
            objects = np.where(draft.objects < 0, np.int32(-1), parts)
        n_objects = int(objects.max())
        areas = count_labels(objects.ravel(), n_objects + 1)[1:]
        started = replace(
            draft,
            lab=smooth_lab(lab * weights, balance.smoothing * edge * (levels[-1] / level) ** 0.5),
            n_superpixels=level,
            objects=objects,
            density=density,
            quotas=None if density is None else share_seeds(areas, level, density),
        )
        features = _scaled_for(drafted.features, draft, level)
        task = _start(started, pieces, features, draft.minimum_areas[0], config)
        clustered = next(iter(cluster_tasks([task], config, device)))
        if level < levels[-1]:
            least = _SLIVER * edge**2
            clustered = clustered._replace(labels=snapped(clustered.labels, cuts[-1], least))
        labels = connect(replace(task, frame=None), clustered, config)
        anchors.append(_Anchor(labels, objects, density))
    return anchors, clustered.features


def _scaled_for(features: NDArray[np.float32], draft: Problem, level: int) -> NDArray[np.float32]:
    """Return the features with positions as they count at another level."""
    scale = [
        position_scale(draft.objects.shape, count, 1.0) for count in (draft.n_superpixels, level)
    ]
    scaled = features.copy()
    scaled[:, -2:] *= np.float32(scale[1] / scale[0])
    return scaled


def _start(
    task: Problem,
    pieces: Labels,
    features: NDArray[np.float32],
    minimum_area: float,
    config: ClusteringConfig,
) -> Problem:
    """Start an anchor from the draft's pieces, cut along its objects, the most alike merged."""
    objects = task.objects
    n_objects = int(objects.max())
    joint = np.where(objects < 0, np.int32(-1), pieces * np.int32(n_objects + 1) + objects)
    regions, n = connected_components(joint)
    owners = region_owners(regions, n, objects)
    regions, n = absorb_small(regions, n, owners, np.full(n_objects + 1, minimum_area))
    owners = region_owners(regions, n, objects)
    if task.quotas is None:
        regions, n = merge_to_count(regions, n, task.n_superpixels, features, owners)
    else:
        regions, n = merge_to_quotas(regions, n, task.quotas, features, owners)
    started = seeding_from(
        regions,
        n,
        objects,
        task.density,
        reach=config.distance_factor,
        minimum_size=task.balance.minimum_size,
    )
    return replace(task, **started._asdict())


def _merge(
    anchors: list[_Anchor],
    features: Features,
    compactness: float,
    levels: list[int],
    cut: Cut,
    prior: Prior | None,
    contour: Map | None,
    rho: float,
) -> tuple[Labels, NDArray[np.int32], list[tuple[int, int]]]:
    """Merge the finest anchor's regions to one, through all anchors.

    Returns labels, tree, and from which level under the first anchor on how many objects are kept.
    """
    finest = anchors[-1]
    n = int(finest.labels.max()) + 1
    shape, flat = finest.labels.shape, finest.labels.ravel()
    place = np.empty(n, np.int64)
    inside = np.flatnonzero(flat >= 0)[::-1]
    place[flat[inside]] = inside
    factors = None
    if finest.density is not None:
        owners = region_owners(finest.labels, n, finest.objects)
        factors = np.where(owners > 0, finest.density[owners - 1], 1.0)
    regions = measure_regions(
        finest.labels,
        label_means(features, flat, n)[:, :-2],
        contour=None if contour is None else np.asarray(contour),
        factors=factors,
    )
    coverage = inside.size / flat.size

    def scale(level: int) -> float:
        return position_scale(shape, level, compactness, coverage)

    phases = []
    above = n
    for anchor in anchors[-2::-1]:
        groups = anchor.labels.ravel()[place]
        count = int(anchor.labels.max()) + 1
        phases += phases_down(above, count, always(groups), weights_at, scale)
        above = count
    owner = np.maximum(bridged(cut.objects).ravel()[place], 1)
    kept: list[tuple[int, int]] = []

    def groups_at(level: int) -> NDArray[np.int32]:
        if prior is None:
            return np.zeros(n, np.int32)
        objects = coarser_groups(prior, cut, level, rho)
        # At one region nothing is kept apart, whatever the tree says.
        if level == 1:
            objects[1:] = 1
        kept.append((level, np.unique(objects[1:]).size))
        return objects[owner]

    # Objects of many pieces make more regions than the first anchor asks for: those merge first.
    phases += phases_down(above, levels[0], groups_at, weights_at, scale)
    phases += phases_down(min(above, levels[0]), 1, groups_at, weights_at, scale)
    phases += phases_down(2, 1, always(np.zeros(n, np.int32)), weights_at, scale)
    parents = tree_of_merges(merge_in_order(regions, phases), n)
    if n <= levels[-1]:
        return finest.labels, parents, kept
    lookup, parents = truncated(parents, levels[-1])
    labels = np.where(finest.labels < 0, np.int32(-1), lookup[finest.labels])
    return labels, parents, kept
