"""A clustering that starts again from the regions of a finer one."""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.clustering.seeding import reseed
from spam_pipe.stages.clustering.spam import lay_out, spam
from spam_pipe.stages.clustering.task import Clustered, Problem
from spam_pipe.stages.methods.config import SegmentConfig

TWICE = SegmentConfig(over_seeding=2)


def flat(height: int, width: int) -> NDArray[np.float32]:
    return np.zeros((height, width, 3), np.float32)


def drafted(task: Problem, labels: NDArray[np.integer]) -> Clustered:
    """A draft whose features are what its labels are, far apart."""
    features = np.repeat(100 * labels.reshape(-1, 1), 2, axis=1).astype(np.float32)
    return Clustered(labels.astype(np.int32), features)


def test_superpixels_go_where_the_image_is_busy() -> None:
    lab = flat(80, 160)
    squares = np.indices((80, 80)).sum(axis=0) // 10 % 2
    lab[:, 80:, 0] = np.where(np.kron(squares[::10, ::10], np.ones((10, 10))), 90, 10)
    shares = [
        np.unique(spam(lab, 40, config=SegmentConfig(over_seeding=seeds))[:, 80:]).size
        for seeds in (1, 2)
    ]
    assert shares[1] > shares[0]


def test_the_most_alike_regions_become_one_seed_at_their_centre() -> None:
    task = lay_out(flat(4, 12), 2, config=TWICE)
    labels = np.repeat([[0, 0, 0, 1, 1, 1, 7, 7, 7, 9, 9, 9]], 4, axis=0)
    started = reseed(task, drafted(task, labels), TWICE)
    assert np.array_equal(started.initial, np.repeat([[0] * 6 + [1] * 6], 4, axis=0))
    assert started.owners.tolist() == [1, 1]
    assert started.candidates[:, :2].tolist() == [[0, 1], [1, 0]]
    # The least area is a share of N/K, no longer of N/2K.
    assert started.minimum_areas[1] == 2 * task.minimum_areas[1]


def test_seeds_belong_to_the_object_that_their_region_lies_in() -> None:
    objects = np.ones((6, 12), np.int32)
    objects[:, 6:] = 2
    objects[:, 5:7] = 0
    task = lay_out(flat(6, 12), 4, objects=objects, config=TWICE)
    labels = np.repeat([[3, 3, 3, 3, 3, 5, 5, 1, 1, 1, 1, 1]], 6, axis=0)
    started = reseed(task, drafted(task, labels), TWICE)
    # The strip of uncertain pixels is no seed: each of its pixels starts in the nearest one.
    assert started.owners.tolist() == [1, 2]
    assert np.array_equal(started.initial[0], [0] * 6 + [1] * 6)
