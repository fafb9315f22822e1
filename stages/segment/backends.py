"""Clustering and border relaxation behind one function, on processors or any torch device."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from stages.segment.clustering import cluster
from stages.segment.config import SegmentConfig
from stages.segment.features import Features, scaled_features
from stages.segment.nearest import Labels
from stages.segment.refine import relax_borders
from stages.segment.task import Task


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


def cluster_tasks(tasks: Sequence[Task], config: SegmentConfig, device: str) -> Iterator[Clustered]:
    """Cluster each task's pixels and, where its balance has rounds for it, relax the borders.

    Parameters
    ----------
    tasks
        Images of any size at any counts; torch computes them together, numba one by one.
    config
        Which back end, contour decay.
    device
        A torch device. Everything between its inputs and its results stays on it.
    """
    if config.uses_torch(device):
        # Importing torch takes seconds that segmenting without a network should not.
        from stages.segment.torch_batch import cluster_batch

        yield from (Clustered(*result) for result in cluster_batch(tasks, config, device))
    else:
        yield from (_cluster_compiled(task, config) for task in tasks)


def _cluster_compiled(task: Task, config: SegmentConfig) -> Clustered:
    deep, contour = (
        None if array is None else np.asarray(array) for array in (task.deep, task.contour)
    )
    features = scaled_features(
        task.lab,
        task.n_superpixels,
        deep=deep,
        color_weight=task.balance.color_weight,
        compactness=task.balance.compactness,
        coverage=task.coverage,
    )
    flat, means = cluster(
        features,
        task.initial.ravel(),
        task.candidates,
        task.balance.iterations,
        uncertain=task.objects.ravel() == 0,
        uncertain_candidates=task.uncertain_candidates,
        spatial_factor=task.spatial_factor,
    )
    labels = flat.reshape(task.objects.shape)
    if task.balance.rounds:
        labels = relax_borders(
            labels,
            features,
            means,
            smoothness=task.balance.border_weight,
            objects=task.objects,
            owners=task.owners,
            spatial_factor=task.spatial_factor,
            contour=contour,
            contour_decay=config.contour_decay,
            rounds=task.balance.rounds,
        )
    return Clustered(labels, features)
