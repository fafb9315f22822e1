"""SNIC against its paper's algorithm 1 written out with a priority queue."""

import heapq

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.methods.baselines.layouts import grid_labels, grid_shape
from spam_pipe.stages.methods.baselines.snic import grid_seeds, grow_superpixels
from spam_pipe.stages.regions.connectivity import connected_components


def grown_by_hand(lab: np.ndarray, seeds: np.ndarray, m: float) -> np.ndarray:
    height, width, _ = lab.shape
    s = np.sqrt(height * width / len(seeds))
    members: list[list[tuple[int, int]]] = [[] for _ in seeds]
    labels = np.full((height, width), -1)
    queue = [(0.0, k, (int(r), int(c)), k) for k, (r, c) in enumerate(seeds)]
    age = len(queue)
    while queue:
        _, _, (row, column), k = heapq.heappop(queue)
        if labels[row, column] >= 0:
            continue
        labels[row, column] = k
        members[k].append((row, column))
        center = np.mean(members[k], axis=0)
        color = np.mean([lab[p] for p in members[k]], axis=0, dtype=np.float64)
        for r, c in ((row - 1, column), (row, column - 1), (row, column + 1), (row + 1, column)):
            if 0 <= r < height and 0 <= c < width and labels[r, c] < 0:
                spatial = (r - center[0]) ** 2 + (c - center[1]) ** 2
                difference = float(((lab[r, c] - color) ** 2).sum())
                heapq.heappush(queue, (spatial / s + difference / m, age, (r, c), k))
                age += 1
    return labels


@settings(max_examples=25)
@given(
    shape=st.tuples(st.integers(4, 20), st.integers(4, 20)),
    n=st.integers(1, 16),
    compactness=st.sampled_from([0.5, 10.0, 100.0]),
    seed=st.integers(0, 99),
)
def test_pixels_go_where_the_paper_sends_them(
    shape: tuple[int, int], n: int, compactness: float, seed: int
) -> None:
    # Quarters of whole numbers: sums are exact, and ties are broken by age alone.
    lab = np.random.default_rng(seed).integers(0, 200, (*shape, 3)).astype(np.float32) / 4
    seeds = grid_seeds(*shape, *grid_shape(*shape, n))
    found = grow_superpixels(lab, seeds, compactness)
    assert np.array_equal(found, grown_by_hand(lab, seeds, compactness))


def test_every_seed_makes_one_connected_superpixel() -> None:
    lab = np.random.default_rng(0).normal(50, 20, (40, 60, 3)).astype(np.float32)
    seeds = grid_seeds(40, 60, 5, 8)
    labels = grow_superpixels(lab, seeds, 10.0)
    assert [labels[row, column] for row, column in seeds] == list(range(40))
    assert connected_components(labels)[1] == 40


def test_a_one_colour_image_gives_cells_of_equal_size() -> None:
    labels = grow_superpixels(np.zeros((30, 30, 3), np.float32), grid_seeds(30, 30, 3, 3), 10.0)
    agreement = labels == grid_labels(30, 30, 3, 3)
    assert agreement.mean() > 0.9


def test_a_contrast_is_not_crossed_where_compactness_is_small() -> None:
    lab = np.zeros((20, 20, 3), np.float32)
    lab[:, 7:] = 100
    labels = grow_superpixels(lab, grid_seeds(20, 20, 1, 2), 0.1)
    assert np.unique(labels[:, :7]).tolist() == [0]
    assert np.unique(labels[:, 7:]).tolist() == [1]


def test_seeds_are_the_middles_of_their_cells() -> None:
    assert grid_seeds(9, 6, 3, 2).tolist() == [[1, 1], [1, 4], [4, 1], [4, 4], [7, 1], [7, 4]]
