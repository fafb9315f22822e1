"""Objects and their tree when some pixels hold no data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.base import Inputs, Output
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.prior.cut import cut_objects
from spam_pipe.stages.prior.restrict import restrict
from spam_pipe.stages.prior.stage import PriorStage
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.stage import ProposeStage


def random_tree(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    parents = np.arange(2 * n - 1).astype(np.int32)
    free = list(range(n))
    for node in range(n, 2 * n - 1):
        for _ in range(2):
            parents[free.pop(rng.integers(len(free)))] = node
        free.append(node)
    altitudes = np.r_[np.zeros(n), np.sort(rng.random(n - 1))].astype(np.float32)
    return parents, altitudes


def merged_at(parents: np.ndarray, altitudes: np.ndarray, a: int, b: int) -> float:
    while a != b:
        if a < b:
            a = parents[a]
        else:
            b = parents[b]
    return float(altitudes[a])


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_what_is_left_merges_as_before(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parents, altitudes = random_tree(rng, n)
    objects = np.r_[np.arange(n + 1), rng.integers(0, n + 1, 11)].reshape(1, -1).astype(np.uint16)
    valid = rng.random(objects.shape) < 0.4
    valid[0, rng.integers(1, n + 1)] = True
    kept, pruned, heights = restrict(objects, parents, altitudes, valid)
    ids = np.unique(objects[valid & (objects > 0)])
    assert np.array_equal(np.unique(kept[kept > 0]), np.arange(1, ids.size + 1))
    assert np.array_equal(kept > 0, valid & (objects > 0))
    assert np.array_equal(ids[kept[kept > 0] - 1], objects[kept > 0])
    assert pruned.size == heights.size == 2 * ids.size - 1
    assert np.array_equal(heights[ids.size :], np.sort(heights[ids.size :]))
    for a in range(ids.size):
        for b in range(a):
            before = merged_at(parents, altitudes, ids[a] - 1, ids[b] - 1)
            assert merged_at(pruned, heights, a, b) == before
    cut, _ = cut_objects(kept.astype(np.uint16), pruned, heights, None, 3, 1.0, 0.0)
    assert cut.max() == min(3, ids.size)


def test_no_object_left_is_one_object() -> None:
    valid = np.array([[True, False, True]])
    objects, parents, _ = restrict(
        np.array([[0, 1, 0]]), np.zeros(1, np.int32), np.zeros(1, np.float32), valid
    )
    assert objects.tolist() == [[1, 0, 1]]
    assert parents.tolist() == [0]


@pytest.mark.parametrize("noise", [0, 255])
def test_the_stages_see_nothing_of_pixels_without_data(noise: int) -> None:
    image = np.full((30, 40, 3), 90, np.uint8)
    image[:, 20:] = [200, 30, 30]
    valid = np.ones((30, 40), np.bool_)
    valid[5:15, 10:30] = False
    image[~valid] = noise
    inputs = Inputs(image=image, valid=valid)
    config = ProposeConfig(source="gradient")
    propose = ProposeStage()
    (proposal,) = propose.run(inputs, config, propose.setup(config, "cpu"), [None])
    assert proposal.arrays["contour"][:, :12].max() == 0  # the smoothing reaches further
    upstream = {"propose": {None: Output(proposal.arrays, proposal.attributes)}}
    (made,) = PriorStage().run(
        Inputs(image=image, valid=valid, upstream=upstream), PriorConfig(), None, [None]
    )
    objects = made.arrays["objects"]
    assert not objects[~valid].any()
    assert np.unique(objects[:, :20][valid[:, :20]]).size == 1
    assert made.attributes["n_objects"] == objects.max() == 2
