"""The adjacency graph's figures beside scikit-image's and a plain count of pixel sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from skimage.color import rgb2lab
from skimage.graph import RAG

from spam_pipe.stages.describe.graph import graph
from tests.stages.describe.describe_label_maps import label_maps


def sides(labels: np.ndarray) -> dict[tuple[int, int], list[tuple[tuple[int, int], ...]]]:
    """Return the pairs of pixels that face each other, by the labels on either side."""
    found: dict[tuple[int, int], list[tuple[tuple[int, int], ...]]] = {}
    height, width = labels.shape
    for row in range(height):
        for column in range(width):
            for r, c in ((row, column + 1), (row + 1, column)):
                if r < height and c < width:
                    pair = sorted((int(labels[row, column]), int(labels[r, c])))
                    if pair[0] != pair[1] and pair[0] >= 0:
                        found.setdefault((pair[0], pair[1]), []).append(((row, column), (r, c)))
    return found


@settings(max_examples=60)
@given(label_maps())
def test_borders_are_counted_and_contours_averaged(labels: np.ndarray) -> None:
    random = np.random.default_rng(0)
    contour = random.random(labels.shape, np.float32)
    image = random.integers(0, 256, (*labels.shape, 3), dtype=np.uint8)
    edges = graph(labels, image, contour=contour)
    expected = sides(labels)
    assert list(zip(edges["source"], edges["target"], strict=True)) == sorted(expected)
    lab = rgb2lab(image)
    for edge in edges.itertuples():
        facing = expected[edge.source, edge.target]
        assert edge.border_length == len(facing)
        mean = np.mean([[contour[a], contour[b]] for a, b in facing])
        assert edge.contour == pytest.approx(mean, rel=1e-6)
        between = lab[labels == edge.source].mean(0) - lab[labels == edge.target].mean(0)
        assert edge.color_distance == pytest.approx(np.linalg.norm(between), abs=5e-3)


def test_neighbours_are_those_of_scikit_image() -> None:
    labels = np.kron(np.random.default_rng(1).integers(0, 9, (6, 6)), np.ones((4, 4), int))
    edges = graph(labels)
    peer = {tuple(sorted(pair)) for pair in RAG(labels, connectivity=1).edges}
    assert set(zip(edges["source"], edges["target"], strict=True)) == peer
    assert [*edges.columns] == ["source", "target", "border_length"]


def test_colors_of_other_images_are_compared_in_their_bands() -> None:
    labels = np.array([[5, 9]])
    edges = graph(labels, np.array([[[0.0, 1, 0, 0], [3, 1, 4, 0]]]))
    assert edges["color_distance"].tolist() == [5.0]
    assert (edges["source"][0], edges["target"][0]) == (5, 9)


def test_a_single_superpixel_has_no_neighbours() -> None:
    edges = graph(np.zeros((3, 4), np.uint8), np.zeros((3, 4)), contour=np.zeros((3, 4)))
    assert len(edges) == 0
    assert [*edges.columns] == ["source", "target", "border_length", "contour", "color_distance"]


def test_what_is_outside_is_nobodys_neighbour() -> None:
    labels = np.array([[1, 0, 2], [1, 0, 2], [1, 1, 1]], np.uint16)
    edges = graph(labels, start_label=1)
    assert edges.to_numpy().tolist() == [[1, 2, 1]]


@pytest.mark.parametrize("name", ["image", "contour"])
def test_arrays_of_another_size_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"\(3, 3\) pixels and labels of \(2, 2\)"):
        graph(np.zeros((2, 2), int), **{name: np.zeros((3, 3))})
