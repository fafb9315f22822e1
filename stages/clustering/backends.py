"""Clustering and border relaxation behind one function, on processors or any torch device."""

from collections.abc import Iterator, Sequence

import numpy as np

from spam_pipe.stages.clustering.config import ClusteringConfig
from spam_pipe.stages.clustering.features import scaled_features
from spam_pipe.stages.clustering.relax_borders import Pixels, Superpixels, relax_borders
from spam_pipe.stages.clustering.soft_clustering import cluster
from spam_pipe.stages.clustering.task import Clustered, Problem


def cluster_tasks(
    tasks: Sequence[Problem], config: ClusteringConfig, device: str
) -> Iterator[Clustered]:
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
        from spam_pipe.stages.clustering.torch_batch import cluster_batch

        yield from (Clustered(*result) for result in cluster_batch(tasks, config, device))
    else:
        yield from (_cluster_compiled(task, config) for task in tasks)


def _cluster_compiled(task: Problem, config: ClusteringConfig) -> Clustered:
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
            Pixels(labels, features, task.objects, contour),
            Superpixels(means, task.owners, task.spatial_factor),
            smoothness=task.balance.border_weight,
            contour_decay=config.contour_decay,
            rounds=task.balance.rounds,
        )
    return Clustered(labels, features)
