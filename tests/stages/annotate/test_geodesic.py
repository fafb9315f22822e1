import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from spam_pipe.stages.annotate.geodesic import STEP, Front, fill, region_graph


def patches(seed: int, n: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Draw a label map whose labels all occur, and colours."""
    random = np.random.default_rng(seed)
    coarse = np.arange(n).reshape(3, -1)
    index = np.kron(coarse, np.ones((3, 4))).astype(np.int32)
    index[random.random(index.shape) < 0.1] = 0
    index = np.unique(index, return_inverse=True)[1]
    return index.reshape(9, -1).astype(np.int32), random.uniform(0, 60, (*index.shape, 3))


@given(st.integers(0, 10**6), st.sets(st.integers(0, 8), min_size=1, max_size=4))
@settings(max_examples=25)
def test_each_region_gets_the_nearest_ones_class(seed: int, marked: set[int]) -> None:
    index, lab = patches(seed)
    n = int(index.max()) + 1
    graph = region_graph(index, n, lab)
    sources = np.array(sorted(place for place in marked if place < n), np.int64)
    classes = np.zeros(n, np.int64)
    classes[sources] = sources + 1
    ends = np.repeat(np.arange(n), np.diff(graph.starts))
    matrix = csr_array((graph.costs, (ends, graph.neighbours)), shape=(n, n))
    if sources.size:
        distances = dijkstra(matrix, indices=sources)
        expected = sources[distances.argmin(axis=0)] + 1
        assert np.array_equal(fill(graph, classes), expected)
    else:
        assert not fill(graph, classes).any()


def test_costs_are_the_distance_of_mean_colours_and_a_step() -> None:
    lab = np.zeros((1, 4, 3))
    lab[0, 2:] = 3.0, 4.0, 0.0
    graph = region_graph(np.array([[0, 0, 1, 1]], np.int32), 2, lab)
    assert graph.costs.tolist() == [5.0 + STEP] * 2


def test_in_one_colour_the_nearest_wins_and_of_two_the_first() -> None:
    index = np.arange(5, dtype=np.int32).reshape(1, 5)
    front = Front(region_graph(index, 5, np.zeros((1, 5, 3))))
    front.mark(np.array([4]), np.array([2]))
    front.mark(np.array([0]), np.array([1]))
    assert front.classes.tolist() == [1, 1, 2, 2, 2]


def test_what_no_mark_reaches_stays_without() -> None:
    index = np.array([[0, -1, 1]], np.int32)
    graph = region_graph(index, 2, np.zeros((1, 3, 3)))
    assert fill(graph, np.array([3, 0])).tolist() == [3, 0]
