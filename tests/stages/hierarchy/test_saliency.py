"""The saliency map, by hand and against higra's."""

import higra
import numpy as np

from spam_pipe.stages.hierarchy.saliency import saliency_map


def test_by_hand():
    labels = np.array([[0, 0, 1], [2, 2, -1]], np.int32)
    parents, altitudes = np.array([3, 3, 4, 4, 4], np.int32), np.array([0, 0, 0, 1, 2.0])
    half = 32768
    assert saliency_map(labels, parents, altitudes).tolist() == [
        [0, 0, 0, half, 0],
        [65535, 65535, 65535, 65535, 0],
        [0, 0, 0, 0, 0],
    ]


def test_equal_to_higra():
    rng = np.random.default_rng(3)
    shape = (9, 12)
    labels = np.arange(108, dtype=np.int32).reshape(shape)
    graph = higra.get_4_adjacency_graph(shape)
    tree, altitudes = higra.bpt_canonical(graph, rng.permutation(graph.num_edges()) + 1.0)
    theirs = higra.graph_4_adjacency_2_khalimsky(graph, higra.saliency(tree, altitudes), shape)
    ours = saliency_map(labels, tree.parents().astype(np.int32), altitudes.astype(np.float64))
    assert np.array_equal(ours, np.rint(theirs / altitudes[-1] * 65535).astype(np.uint16))
