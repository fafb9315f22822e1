"""Nested superpixels of an image that is too large to be segmented as a whole.

One tree over all of it, from a pyramid: as much of the tree as a window's pixels can show is made
of the whole image, reduced (`stages.hierarchy.nest`). Each finer anchor has four times as many
superpixels, in an image of half the reduction, window by window inside those of the anchor before,
so that all anchors together cost a third more than the finest alone. The levels between
come of merging the finest superpixels by what their windows have seen of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice, repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.clustering.balance import resolve_balance
from spam_pipe.stages.clustering.exact_count import split_to_count
from spam_pipe.stages.clustering.features import position_scale
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.deferred import BY_BLOCKS, WINDOW_PIXELS
from spam_pipe.stages.hierarchy.merging import (
    Phase,
    Regions,
    always,
    measure_regions,
    merge_in_order,
    phases_down,
)
from spam_pipe.stages.hierarchy.nest import (
    ANCHOR_STEP,
    Nested,
    anchor_levels,
    weights_at,
)
from spam_pipe.stages.hierarchy.objects import Cut, Prior, nested_cuts, pieces_of, prior_of
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.prior.restrict import restrict
from spam_pipe.stages.regions.connectivity import region_owners, value_of_each
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects, compact_objects
from spam_pipe.stages.regions.tree import level_of_regions, tree_of_merges, truncated
from spam_pipe.stages.scene import Scene
from spam_pipe.stages.segment.large.mosaic import Mosaic
from spam_pipe.stages.segment.large.scale import (
    enlarge_labels,
    reduce_map,
    reduction_for,
    settle,
)
from spam_pipe.stages.segment.large.segment_large import Painter, Work
from spam_pipe.stages.segment.large.window_prior import make_prior
from spam_pipe.stages.segment.nest_whole import nest_whole, region_means
from spam_pipe.stages.validity import check_valid, filled_inputs


class LargeNested(NamedTuple):
    """A hierarchy of a large image.

    Attributes
    ----------
    nested
        Its labels and tree.
    n_windows
        How many windows its finest level was put together from.
    reduction
        By what factor the image was reduced before.
    """

    nested: Nested
    n_windows: int
    reduction: int


class _Base(NamedTuple):
    """The hierarchy of the whole image, reduced by a factor, and what was seen of it.

    Attributes
    ----------
    nested
        The hierarchy.
    work
        The image that it is of.
    factor
        By what factor it was reduced.
    means
        (n, D) mean features of its superpixels.
    contour
        (H, W) uint8, 255 = certain; None where no network has seen one.
    """

    nested: Nested
    work: Work
    factor: int
    means: NDArray[np.float64]
    contour: NDArray[np.uint8] | None


class _Finest(NamedTuple):
    """The finest anchor, at the resolution that is worked at.

    Attributes
    ----------
    labels
        (H, W) int32 0..n-1; -1 outside.
    means, contour
        As of the base.
    cut
        The objects that they keep to, where the whole image's are given.
    anchors
        The (n,) region that each is in, for each coarser anchor, the base's finest level first.
    n_windows
        How many windows it was put together from.
    n_objects
        From which anchor on how many objects are kept, where the whole image's are given.
    """

    labels: Labels
    means: NDArray[np.float64]
    contour: NDArray[np.uint8] | None
    cut: Cut | None
    anchors: list[NDArray[np.int32]]
    n_windows: int
    n_objects: list[tuple[int, int]]


def nest_large(inputs: Inputs, n_finest: int, config: SegmentConfig, device: str) -> LargeNested:
    """Build the hierarchy of an image by blocks, at the resolution that its finest level asks for.

    Parameters
    ----------
    inputs
        The image, its valid pixels, and what the stage ``prior`` made: objects of the whole, or
        the options by which those of a window are made.
    n_finest
        How many superpixels the finest level is to have; at most the valid pixels are made.
    config, device
        As for the stage.

    Raises
    ------
    ValueError
        When no pixel is valid.
    """
    image, valid = inputs.image, inputs.valid
    assert image is not None
    if valid is not None:
        check_valid(valid, image.shape[:2])
    n_pixels = image.size // 3 if valid is None else int(np.count_nonzero(valid))
    n_finest = min(n_finest, n_pixels)
    given = inputs.upstream["prior"][None] if "prior" in inputs.upstream else None
    recipe = None if given is None else given.attributes.get(BY_BLOCKS)
    prior = None if given is None or recipe is not None else prior_of(given.arrays, valid)
    factor = reduction_for(n_pixels, n_finest)
    work = Work.of(inputs, config, device, recipe).reduced(factor)
    levels = _levels(work, n_finest)
    base = _nest_reduced(work, levels[0], prior, factor)
    if factor * base.factor == 1:
        return LargeNested(base.nested, 1, 1)
    finest = _refine(work, levels, base, prior, factor)
    labels, contour = finest.labels, finest.contour
    source = np.arange(len(finest.means), dtype=np.int32)
    if factor > 1:
        objects = None
        if prior is not None and finest.cut is not None:
            objects = _in_the_whole(finest.cut, prior, factor)
        least = work.least_area(n_finest) * factor**2
        labels, source = _enlarged(labels, work.image, image, factor, objects, valid, least)
        contour = _spread_out(contour, factor, labels.shape)
    n = source.size
    if n < n_finest:
        split, n = split_to_count(labels, n, n_finest)
        source = source[value_of_each(split, n, labels)]
        labels = split
    source = _of_the_nearest(labels, source, len(finest.means))
    regions = measure_regions(labels, finest.means[source], contour=contour)
    groups = [anchor[source] for anchor in finest.anchors]
    phases = _phases(regions, groups, base.nested, labels.shape, n_pixels, config)
    parents = tree_of_merges(merge_in_order(regions, phases), n)
    if n > n_finest:
        lookup, parents = truncated(parents, n_finest)
        labels = np.append(lookup, np.int32(-1))[labels]
    kept = [*base.nested.n_objects, *finest.n_objects]
    nested = Nested.of(labels, parents, n_pixels, kept)
    return LargeNested(nested, finest.n_windows, factor)


def _levels(work: Work, n_finest: int) -> list[int]:
    """Return the levels that are made by splitting, rising, from one that a window shows whole."""
    height, width, _ = work.image.shape
    levels = [n_finest]
    while levels[0] >= 2 * ANCHOR_STEP:
        if height * width <= WINDOW_PIXELS * reduction_for(work.n_pixels, levels[0]) ** 2:
            break
        levels.insert(0, levels[0] // ANCHOR_STEP)
    return levels


def _nest_reduced(work: Work, level: int, prior: Prior | None, factor: int) -> _Base:
    """Build the hierarchy of the whole image up to a level that a window shows.

    The prior is that of the image before it was reduced by `factor`.
    """
    height, width, _ = work.image.shape
    # An image of few valid pixels asks for more detail than a window may have.
    least = math.ceil(math.sqrt(height * width / WINDOW_PIXELS))
    further = max(reduction_for(work.n_pixels, level), least)
    small = work.reduced(further)
    inputs = Inputs(
        image=small.image, image_digest=small.digest, valid=small.valid, bands=small.bands
    )
    if prior is not None:
        prior = _reduced(_reduced(prior, factor), further)
    elif work.recipe is not None:
        found = make_prior(inputs, work.recipe, work.device)
        prior = prior_of(found, small.valid)
    inputs = filled_inputs(inputs)
    assert inputs.image is not None
    scene = Scene(
        inputs.image,
        rgb_to_lab(inputs.image),
        contour=None if prior is None else prior.contour,
        device=work.device,
        valid=small.valid,
        bands=inputs.bands,
    )
    made, seen = nest_whole(
        scene, min(level, small.n_pixels), inputs.image_digest, work.config, prior=prior
    )
    contour = None
    if seen.contour is not None:
        contour = np.rint(255 * np.asarray(seen.contour)).astype(np.uint8)
    return _Base(made, small, further, region_means(seen, made.labels, work.config), contour)


def _refine(
    work: Work, levels: list[int], base: _Base, prior: Prior | None, factor: int
) -> _Finest:
    """Make the anchors after the first, each inside the regions of the one before."""
    cuts: Iterator[Cut | None] = repeat(None)
    if prior is not None:
        first = anchor_levels(levels[0])
        all_cuts = nested_cuts(_reduced(prior, factor), [*first, *levels[1:]], work.config)
        cuts = islice(all_cuts, len(first) - 1, None)
    cut = next(cuts)
    n = len(base.means)
    labels, source = base.nested.labels, np.arange(n, dtype=np.int32)
    contour = base.contour
    if base.factor > 1:
        objects = None if cut is None else cut.objects
        least = work.least_area(levels[0])
        labels, source = _enlarged(
            labels, base.work.image, work.image, base.factor, objects, work.valid, least
        )
        source = _of_the_nearest(labels, source, n)
        contour = _spread_out(contour, base.factor, labels.shape)
    means, anchors, n_windows = base.means[source], [source], 1
    n_objects: list[tuple[int, int]] = []
    for level in levels[1:]:
        cut = next(cuts)
        within, above = labels + np.int32(1), None
        if cut is not None:
            within, ids = compact_objects(pieces_of(cut.objects, labels))
            above = value_of_each(within - np.int32(1), ids.size, labels)
            n_objects.append((level, int(cut.mapping.max())))
        del labels  # an image of many pixels has no room for it beside its windows
        # The finest is made of the image as it is worked at: what is measured is its own.
        last = level == levels[-1]
        contour = np.zeros(within.shape, np.uint8) if last else None
        labels, made = _inside(work, level, 1 if last else None, within, contour)
        coarser = value_of_each(labels, int(labels.max()) + 1, within) - np.int32(1)
        if above is not None:
            coarser = above[coarser]
        anchors = [anchor[coarser] for anchor in anchors]
        if made.means is None:
            anchors.append(np.arange(coarser.size, dtype=np.int32))
        else:
            means, n_windows = made.means, made.n_windows
    return _Finest(labels, means, contour, cut, anchors, n_windows, n_objects)


def _inside(
    work: Work,
    level: int,
    factor: int | None,
    within: Objects,
    contour: NDArray[np.uint8] | None,
) -> tuple[Labels, Mosaic]:
    """Make so many superpixels inside regions from 1, reduced by as much as they ask for."""
    factor = factor or reduction_for(work.n_pixels, level)
    small = work.reduced(factor)
    made = Painter(small, reduce_map(within, factor), level, contour).paint()
    if factor == 1:
        return made.labels, made
    labels = enlarge_labels(
        made.labels,
        small.image,
        work.image,
        factor,
        owners=made.owners,
        objects=within,
        valid=work.valid,
    )
    return settle(labels, made.owners.size, within, work.least_area(level))[0], made


def _reduced(prior: Prior, factor: int) -> Prior:
    """Return the prior of the reduced image, without the objects that it does not show."""
    objects = reduce_map(prior.objects, factor)
    everywhere = np.ones(objects.shape, np.bool_)
    objects, parents, altitudes = restrict(objects, prior.parents, prior.altitudes, everywhere)
    contour = None if prior.contour is None else reduce_map(prior.contour, factor)
    return Prior(objects, parents, altitudes, contour)


def _in_the_whole(cut: Cut, prior: Prior, factor: int) -> Objects:
    """Return a cut's objects in the image before it was reduced; what was not shown is kept."""
    n = (len(prior.parents) + 1) // 2
    shown = np.bincount(reduce_map(prior.objects, factor).ravel(), minlength=n + 1)[1:] > 0
    mapping = np.zeros(n + 1, np.int32)
    mapping[1:][shown] = cut.mapping[1:]
    hidden = np.flatnonzero(~shown) + 1
    mapping[hidden] = cut.mapping.max() + 1 + np.arange(hidden.size)
    return mapping[prior.objects]


def _spread_out(
    contour: NDArray[np.uint8] | None, factor: int, shape: tuple[int, ...]
) -> NDArray[np.uint8] | None:
    """Bring a map of a reduced image to the image's size."""
    if contour is None:
        return None
    rows, columns = (np.arange(length) // factor for length in shape)
    found: NDArray[np.uint8] = contour[np.ix_(rows, columns)]
    return found


def _enlarged(
    labels: Labels,
    small: NDArray[np.uint8],
    image: NDArray[np.uint8],
    factor: int,
    objects: Objects | None,
    valid: NDArray[np.bool_] | None,
    least: float,
) -> tuple[Labels, NDArray[np.int32]]:
    """Bring labels 0..n-1 of a reduced image to the image's size, inside its objects.

    Returns regions 0..m-1, and the label that each comes from: n or more where it has none.
    Objects cut superpixels into pieces: those of `least` pixels and more stay.
    """
    n = int(labels.max()) + 1
    owners = np.zeros(n, np.int32)
    if objects is not None:
        owners = region_owners(labels, n, reduce_map(objects, factor))
    large = enlarge_labels(
        labels, small, image, factor, owners=owners, objects=objects, valid=valid
    )
    return settle(large, n, objects, least)


def _of_the_nearest(labels: Labels, source: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    """Give regions that come of no label 0..n-1 that of the nearest region which does."""
    lost, known = np.flatnonzero(source >= n), np.flatnonzero(source < n)
    if lost.size == 0:
        return source
    numbers = np.arange(labels.size, dtype=np.int32).reshape(labels.shape)
    places = np.stack(
        np.divmod(value_of_each(labels, source.size, numbers), labels.shape[1]), axis=1
    )
    nearest = KDTree(places[known]).query(places[lost])[1]
    found = source.copy()
    found[lost] = source[known[nearest]]
    return found


def _phases(
    regions: Regions,
    groups: list[NDArray[np.int32]],
    base: Nested,
    shape: tuple[int, int],
    n_pixels: int,
    config: SegmentConfig,
) -> list[Phase]:
    """Return the phases of merging: down to each anchor, then to the levels of the base."""
    balance = resolve_balance(config, has_deep=config.deep_weights is not None)
    coverage = n_pixels / (shape[0] * shape[1])

    def scale(level: int) -> float:
        return position_scale(shape, level, balance.compactness, coverage)

    phases: list[Phase] = []
    above = len(regions.sums)
    for anchor in groups[::-1]:
        count = np.unique(anchor).size
        phases += phases_down(above, count, always(anchor), weights_at, scale)
        above = min(above, count)

    def groups_at(level: int) -> NDArray[np.int32]:
        return level_of_regions(base.parents, min(level, n_base))[groups[0]]

    n_base = (len(base.parents) + 1) // 2
    phases += phases_down(above, 1, groups_at, weights_at, scale)
    everything = np.zeros(len(regions.sums), np.int32)
    return [*phases, *phases_down(2, 1, always(everything), weights_at, scale)]
