"""SPAM: superpixels by masked soft clustering (Walther, Giraud and Clément, 2025)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypedDict, Unpack
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.backends import cluster_tasks
from spam_pipe.stages.clustering.balance import resolve_balance
from spam_pipe.stages.clustering.config import ClusteringConfig
from spam_pipe.stages.clustering.exact_count import (
    merge_to_count,
    merge_to_quotas,
    split_to_count,
    split_to_quotas,
)
from spam_pipe.stages.clustering.features import beside
from spam_pipe.stages.clustering.nearest import settle_seeds
from spam_pipe.stages.clustering.seeding import reseed, seeding
from spam_pipe.stages.clustering.seeds import lattice_seeds, random_seeds, share_seeds
from spam_pipe.stages.clustering.task import Clustered, Frame, Map, Problem
from spam_pipe.stages.colour import smooth_lab
from spam_pipe.stages.regions.connectivity import (
    absorb_small,
    connected_components,
    count_labels,
    region_owners,
)
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects, compact_objects, largest_objects
from spam_pipe.stages.validity import check_valid, fill_outside, window_of

_DEFAULT = ClusteringConfig()


class Maps(TypedDict, total=False):
    """What may be known of an image beside its colours; each entry may be None."""

    # (H, W, C) float32 features of an encoder; colour and position alone where absent
    deep: Map | None
    # (H, W, C) float32 components of further bands (`stages.principal`), in units of L, which
    # weigh as the colours do
    bands: NDArray[np.float32] | None
    # (H, W) integers, the prior's objects from 1, 0 = uncertain, already cut for this K; of more
    # than K the largest stay. The whole image is one object where it is absent.
    objects: NDArray[np.integer] | None
    # (n,) factor f of each object 1..n: its share of the superpixels is multiplied by f, and so is
    # its superpixels' squared spatial distance
    density: NDArray[np.floating] | None
    # (H, W) float32 contour probability in 0..1, which the border relaxation respects. Deep
    # features and contour may be tensors where the back end is torch.
    contour: Map | None
    # (H, W) bool, False where the image has no data: such pixels are of no superpixel, and the
    # other maps' values there decide nothing. K and the scale of positions are those of the valid
    # area. All pixels count where it is absent.
    valid: NDArray[np.bool_] | None


def spam(
    lab: NDArray[np.float32],
    n_superpixels: int,
    *,
    config: ClusteringConfig = _DEFAULT,
    device: str = "cpu",
    **maps: Unpack[Maps],
) -> Labels:
    """Segment an image into superpixels that never cross an object.

    Parameters
    ----------
    lab
        (H, W, 3) float32 CIELab, L in 0..100.
    n_superpixels
        How many are wanted, K; no more than there are (valid) pixels.
    config
        Options.
    device
        Where the torch back end computes; any but ``cpu`` chooses it by default.
    maps
        See `Maps`.

    Returns
    -------
    (H, W) int32 labels 0..n-1, each 4-connected and in one object; -1 outside of `valid`. n = K
    in the refined mode, unless the objects' connected pieces alone are more.

    Raises
    ------
    ValueError
        When shapes don't fit the image's, values are out of range, or no pixel is valid; it
        names which.
    """
    task = lay_out(lab, n_superpixels, config=config, **maps)
    return next(spam_batch([task], config=config, device=device))


def spam_batch(
    tasks: Sequence[Problem], *, config: ClusteringConfig = _DEFAULT, device: str = "cpu"
) -> Iterator[Labels]:
    """Segment images of any size at any counts; the torch back end takes them all in one go.

    Parameters
    ----------
    tasks
        Made by `lay_out` with the same options.
    config, device
        As for `spam`.

    Yields
    ------
    For each task what `spam` returns.
    """
    if config.mode == "refined" and config.over_seeding > 1:
        drafts = [replace(task, balance=replace(task.balance, rounds=0)) for task in tasks]
        drafted = zip(tasks, cluster_tasks(drafts, config, device), strict=True)
        tasks = [reseed(task, draft, config) for task, draft in drafted]
    for task, clustered in zip(tasks, cluster_tasks(tasks, config, device), strict=True):
        yield connect(task, clustered, config)


def lay_out(
    lab: NDArray[np.float32],
    n_superpixels: int,
    *,
    config: ClusteringConfig = _DEFAULT,
    **maps: Unpack[Maps],
) -> Problem:
    """Prepare an image for the clustering: share seeds among objects and lay them out.

    Parameters and errors are those of `spam`.
    """
    _check(lab, n_superpixels, maps)
    deep, contour, valid = maps.get("deep"), maps.get("contour"), maps.get("valid")
    objects, density, bands = maps.get("objects"), maps.get("density"), maps.get("bands")
    balance = resolve_balance(config, has_deep=deep is not None)
    deep = beside(deep, bands, balance.color_weight)
    frame = None
    if valid is not None:
        frame = Frame(valid.shape[:2], window_of(valid))
        window = frame.window
        valid = valid[window]
        # A blur reads neighbours; other pixels outside are never read.
        inside = np.where(valid[..., None], lab[window], np.float32(0))
        lab = fill_outside(inside, valid) if balance.smoothing else inside
        objects = None if objects is None else objects[window]
        deep = None if deep is None else deep[window]
        contour = None if contour is None else contour[window]
    shape = lab.shape[:2]
    refined = config.mode == "refined"
    n_pixels = shape[0] * shape[1] if valid is None else int(np.count_nonzero(valid))
    n_wanted = min(n_superpixels, n_pixels)
    regions, factors = _regions_of_interest(shape, objects, density, valid, n_wanted)
    n_seeds = round(config.over_seeding * n_wanted) if refined else n_wanted

    areas = count_labels(regions.ravel(), regions.max() + 1)[1:]
    counts = share_seeds(areas, n_seeds, factors)
    positions = (
        lattice_seeds(regions, counts)
        if refined
        # Images draw apart from one another: else one draw decides over a whole dataset.
        else random_seeds(regions, counts, [config.seed, crc32(lab.tobytes())])
    )
    start = seeding(
        *settle_seeds(regions, positions, counts),
        factors,
        reach=config.distance_factor,
        minimum_size=balance.minimum_size,
    )
    return Problem(
        lab=smooth_lab(
            lab * np.array([1, balance.chroma_weight, balance.chroma_weight], np.float32),
            balance.smoothing * float(np.sqrt(n_pixels / n_wanted)),
        ),
        n_superpixels=n_wanted,
        balance=balance,
        objects=regions,
        **start._asdict(),
        density=factors,
        quotas=None if factors is None else share_seeds(areas, n_wanted, factors),
        deep=deep,
        contour=contour,
        frame=frame,
    )


def connect(task: Problem, clustered: Clustered, config: ClusteringConfig) -> Labels:
    """Turn labels into regions: connected, none too small and, in the refined mode, K of them.

    Parameters
    ----------
    task, clustered
        What was clustered, and what came of it.
    config
        The options that the task was made with.

    Returns
    -------
    (H, W) int32, as `spam` returns it.
    """
    objects, n_wanted = task.objects, task.n_superpixels
    labels, n = connected_components(clustered.labels)
    labels, n = absorb_small(labels, n, region_owners(labels, n, objects), task.minimum_areas)
    if config.mode == "refined":
        if task.quotas is not None:
            owners = region_owners(labels, n, objects)
            labels, n = merge_to_quotas(labels, n, task.quotas, clustered.features, owners)
            owners = region_owners(labels, n, objects)
            labels, n = split_to_quotas(labels, n, task.quotas, owners)
        owners = region_owners(labels, n, objects)
        labels, n = merge_to_count(labels, n, n_wanted, clustered.features, owners)
        labels, n = split_to_count(labels, n, n_wanted)
    if task.frame is None:
        return labels
    whole = np.full(task.frame.shape, -1, np.int32)
    whole[task.frame.window] = labels
    return whole


def _regions_of_interest(
    shape: tuple[int, ...],
    objects: NDArray[np.integer] | None,
    density: NDArray[np.floating] | None,
    valid: NDArray[np.bool_] | None,
    n_wanted: int,
) -> tuple[Objects, NDArray[np.float64] | None]:
    """Objects 1..n without gaps, at most `n_wanted`, and their factors; one without a prior.

    Pixels outside are at -1.
    """
    if objects is not None and valid is not None:
        objects = np.where(valid, objects, 0)
    factors = None
    if objects is None or not objects.any():
        regions = np.ones(shape, np.int32)
    else:
        regions, ids = compact_objects(objects)
        if ids.size > n_wanted:
            regions, kept = largest_objects(regions, n_wanted)
            ids = ids[kept - 1]
        if density is not None:
            factors = density.astype(np.float64)[ids - 1]
    if valid is not None:
        regions[~valid] = -1
    return regions, factors


def _check(lab: NDArray[np.float32], n_superpixels: int, maps: Maps) -> None:
    objects, density, valid = maps.get("objects"), maps.get("density"), maps.get("valid")
    if lab.ndim != 3 or lab.shape[2] != 3 or lab.size == 0:
        raise ValueError(f"a Lab image is (H, W, 3) with pixels, this one is {lab.shape}")
    if n_superpixels < 1:
        raise ValueError(f"at least one superpixel must be asked for, not {n_superpixels}")
    named = {
        **{"deep features": maps.get("deep"), "bands": maps.get("bands")},
        **{"objects": objects, "contour": maps.get("contour")},
    }
    for name, array in named.items():
        if array is not None and tuple(array.shape[:2]) != lab.shape[:2]:
            raise ValueError(
                f"{name} are {tuple(array.shape)} where the image is {lab.shape[:2]}: "
                "bring them to the image's size"
            )
    if valid is not None:
        check_valid(valid, lab.shape[:2])
    if not np.isfinite(lab if valid is None else lab[valid]).all():
        raise ValueError("the Lab image holds values that are not finite")
    if density is None:
        return
    n_objects = 0 if objects is None else int(objects.max())
    if density.size < n_objects or not (np.isfinite(density).all() and (density > 0).all()):
        raise ValueError(
            f"density needs a positive factor for each of the {n_objects} objects: {density}"
        )
