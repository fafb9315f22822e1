"""Images of any size at any counts through the torch back end in one go."""

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spam_pipe.stages.clustering.config import ClusteringConfig
from spam_pipe.stages.clustering.features import Features, position_scale
from spam_pipe.stages.clustering.task import Problem
from spam_pipe.stages.clustering.torch_clustering import cluster
from spam_pipe.stages.clustering.torch_refine import Pixels, Superpixels, relax_borders
from spam_pipe.stages.regions.label_maps import Labels


def cluster_batch(
    tasks: Sequence[Problem], config: ClusteringConfig, device: str
) -> list[tuple[Labels, Features]]:
    """Cluster each task's pixels and, where its balance has rounds for it, relax the borders.

    The tasks' pixels and superpixels are numbered on: to the clustering they are one image.

    Parameters
    ----------
    tasks
        Their deep features and contours may lie on the device already, where they stay.
    config
        Contour decay.
    device
        A torch device.

    Returns
    -------
    For each task (H, W) int32 labels in 0..K-1, -1 outside, and its (H * W, D) float32 features.

    Raises
    ------
    ValueError
        When the tasks' numbers of deep features or of iterations differ.
    """
    if not tasks:
        return []
    depths = {0 if task.deep is None else task.deep.shape[2] for task in tasks}
    passes = {task.balance.iterations for task in tasks}
    for name, found in (("deep features", depths), ("iterations", passes)):
        if len(found) > 1:
            raise ValueError(
                f"a batch has one number of {name}, this one {sorted(found)}: split it"
            )
    with torch.inference_mode():
        return _cluster(tasks, config, torch.device(device))


def _cluster(
    tasks: Sequence[Problem], config: ClusteringConfig, device: torch.device
) -> list[tuple[Labels, Features]]:
    counts = [task.owners.size for task in tasks]
    first = [0, *accumulate(counts)]

    def gather(pick: Callable[[Problem], NDArray[np.integer]], numbered: bool = False) -> Tensor:
        arrays = [pick(task).astype(np.int64) for task in tasks]
        if numbered:
            arrays = [np.where(a < 0, a, a + n) for a, n in zip(arrays, first, strict=False)]
        return torch.from_numpy(np.concatenate(arrays)).to(device)

    features = torch.cat([scaled_features(task, device) for task in tasks])
    objects = gather(lambda task: task.objects.ravel())
    initial = gather(lambda task: task.initial.ravel(), numbered=True)
    # Pixels outside would be a group without candidates: they stay out of the clustering.
    inside = torch.nonzero(objects >= 0).squeeze(1)
    all_inside = inside.numel() == objects.numel()
    uncertain = objects == 0
    has_uncertain = bool(uncertain.any())
    factors = _spatial_factors(tasks, device)
    labels, means = cluster(
        features if all_inside else features[inside],
        initial if all_inside else initial[inside],
        gather(lambda task: task.candidates, numbered=True),
        tasks[0].balance.iterations,
        uncertain=uncertain[inside] if has_uncertain else None,
        uncertain_candidates=gather(lambda task: task.uncertain_candidates, numbered=True)
        if has_uncertain
        else None,
        spatial_factor=factors,
    )
    if not all_inside:
        labels = torch.full_like(objects, -1).index_copy_(0, inside, labels)
    if tasks[0].balance.rounds:
        weights = np.array([task.balance.border_weight for task in tasks], np.float32)
        labels = relax_borders(
            Pixels(labels, features, objects, _contours(tasks, device)),
            [(task.objects.shape[0], task.objects.shape[1]) for task in tasks],
            Superpixels(
                means,
                gather(lambda task: task.owners),
                torch.from_numpy(np.repeat(weights, counts)).to(device),
                factors,
            ),
            contour_decay=config.contour_decay,
            rounds=tasks[0].balance.rounds,
        )
    areas = [task.objects.size for task in tasks]
    parts = zip(
        tasks, first, torch.split(labels, areas), torch.split(features, areas), strict=False
    )
    return [
        (
            torch.where(own < 0, own, own - n)
            .to(torch.int32)
            .cpu()
            .numpy()
            .reshape(task.objects.shape),
            compared.cpu().numpy(),
        )
        for task, n, own, compared in parts
    ]


def scaled_features(task: Problem, device: torch.device) -> Tensor:
    """Gather what the clustering compares, as `stages.clustering.features.scaled_features` does.

    Returns
    -------
    (H * W, C + 5) float32 on the device.
    """
    height, width, _ = task.lab.shape
    scale = np.float32(
        position_scale((height, width), task.n_superpixels, task.balance.compactness, task.coverage)
    ).item()
    rows = torch.arange(height, dtype=torch.float32, device=device) * scale
    columns = torch.arange(width, dtype=torch.float32, device=device) * scale
    color = torch.as_tensor(task.lab, device=device) * np.float32(task.balance.color_weight).item()
    parts = [
        color,
        rows[:, None, None].expand(height, width, 1),
        columns[None, :, None].expand(height, width, 1),
    ]
    if task.deep is not None:
        parts.insert(0, torch.as_tensor(task.deep, device=device))
    return torch.cat(parts, dim=2).view(height * width, -1)


def _spatial_factors(tasks: Sequence[Problem], device: torch.device) -> Tensor | None:
    if all(task.spatial_factor is None for task in tasks):
        return None
    factors = [
        np.ones(task.owners.size) if task.spatial_factor is None else task.spatial_factor
        for task in tasks
    ]
    return torch.from_numpy(np.concatenate(factors)).to(device)


def _contours(tasks: Sequence[Problem], device: torch.device) -> Tensor | None:
    """Join the contours; no contour anywhere is as good as none."""
    if all(task.contour is None for task in tasks):
        return None
    maps = [
        torch.zeros(task.objects.size, device=device)
        if task.contour is None
        else torch.as_tensor(task.contour, device=device).reshape(-1)
        for task in tasks
    ]
    return torch.cat(maps)
