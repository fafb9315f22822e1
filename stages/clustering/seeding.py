"""The start of superpixels: from seeds, or from the regions of a first, finer clustering."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.candidates import (
    Candidates,
    candidate_seeds,
    uncertain_candidate_seeds,
)
from spam_pipe.stages.clustering.exact_count import merge_to_count, merge_to_quotas
from spam_pipe.stages.clustering.nearest import nearest_seeds
from spam_pipe.stages.clustering.seeds import Counts, Positions
from spam_pipe.stages.regions.connectivity import absorb_small, connected_components, region_owners
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects

if TYPE_CHECKING:
    from spam_pipe.stages.clustering.config import ClusteringConfig
    from spam_pipe.stages.clustering.task import Clustered, Problem


class Seeding(NamedTuple):
    """The start of a clustering; `stages.clustering.task.Problem` says what each part is."""

    initial: Labels
    owners: NDArray[np.int32]
    candidates: Candidates
    uncertain_candidates: Candidates
    minimum_areas: NDArray[np.float64]
    spatial_factor: NDArray[np.float64] | None


def seeding(
    initial: Labels,
    positions: Positions,
    counts: Counts,
    density: NDArray[np.float64] | None,
    *,
    reach: float,
    minimum_size: float,
) -> Seeding:
    """Start superpixels at positions.

    Parameters
    ----------
    initial
        (H, W) int32 superpixel in which each pixel starts, 0..K-1; -1 outside.
    positions
        (K, 2) float64 rows and columns, those of object 1 first.
    counts
        (n,) superpixels of each object.
    density
        (n,) factor of each object.
    reach
        How far from its start a superpixel may take pixels, in sqrt(N/K).
    minimum_size
        Share of N/K below which a region is too small.
    """
    n_pixels, n_seeds = int(np.count_nonzero(initial >= 0)), int(counts.sum())
    owners = np.repeat(np.arange(1, counts.size + 1, dtype=np.int32), counts)
    minimum_areas = np.full(counts.size + 1, minimum_size * n_pixels / n_seeds)
    if density is not None:
        minimum_areas[1:] /= density
    radius = reach * np.sqrt(n_pixels / n_seeds)
    return Seeding(
        initial=initial,
        owners=owners,
        candidates=candidate_seeds(positions, counts, radius, density),
        uncertain_candidates=uncertain_candidate_seeds(positions),
        minimum_areas=minimum_areas,
        spatial_factor=None if density is None else density[owners - 1],
    )


def reseed(task: Problem, draft: Clustered, config: ClusteringConfig) -> Problem:
    """Start again from a finer clustering, with the most alike of its regions merged.

    Where an image is even, regions merge to large ones, and where it is busy the small ones
    stay: superpixels move to where they are needed before the clustering decides their borders.

    Parameters
    ----------
    task
        What was clustered, with more seeds than wanted.
    draft
        What the clustering made of it.
    config
        The options that the task was made with.

    Returns
    -------
    The same image, to be clustered from K regions; more where the objects' connected pieces
    alone are more.
    """
    objects = task.objects
    regions, n = connected_components(draft.labels)
    owners = region_owners(regions, n, objects)
    regions, n = absorb_small(regions, n, owners, task.minimum_areas)
    owners = region_owners(regions, n, objects)
    if task.quotas is None:
        regions, n = merge_to_count(regions, n, task.n_superpixels, draft.features, owners)
    else:
        regions, n = merge_to_quotas(regions, n, task.quotas, draft.features, owners)
    started = seeding_from(
        regions,
        n,
        objects,
        task.density,
        reach=config.distance_factor,
        minimum_size=task.balance.minimum_size,
    )
    return replace(task, **started._asdict())


def seeding_from(
    regions: Labels,
    n_regions: int,
    objects: Objects,
    density: NDArray[np.float64] | None,
    *,
    reach: float,
    minimum_size: float,
) -> Seeding:
    """Start superpixels as regions, each in one object; uncertain pixels start in the nearest.

    Parameters
    ----------
    regions
        (H, W) int32 0..n_regions-1; -1 outside. A region of uncertain pixels alone starts none.
    n_regions
        How many there are.
    objects
        (H, W) int32 objects 1..n, each with a region; 0 = uncertain, -1 = outside.
    density, reach, minimum_size
        As for `seeding`.
    """
    initial, positions, counts = _as_seeds(regions, n_regions, objects)
    return seeding(initial, positions, counts, density, reach=reach, minimum_size=minimum_size)


def _as_seeds(
    regions: Labels, n_regions: int, objects: Objects
) -> tuple[Labels, Positions, Counts]:
    """Number regions by object and find their centres; uncertain pixels start in the nearest."""
    owners = region_owners(regions, n_regions, objects)
    order = np.argsort(owners, kind="stable")
    order = order[owners[order] > 0]
    ranks = np.zeros(n_regions, np.int32)
    ranks[order] = np.arange(order.size, dtype=np.int32)
    counts = np.bincount(owners)[1:]
    inside = np.flatnonzero(regions.ravel() >= 0)
    flat = regions.ravel()[inside]
    rows, columns = np.divmod(inside, regions.shape[1])
    areas = np.bincount(flat, minlength=n_regions)
    sums = [np.bincount(flat, places, n_regions) for places in (rows, columns)]
    positions = (np.stack(sums, axis=1) / areas[:, None])[order]
    initial = np.where(regions < 0, np.int32(-1), ranks[regions])
    if not objects.all():
        initial = np.where(objects == 0, nearest_seeds(objects, positions, counts), initial)
    return initial, positions, counts
