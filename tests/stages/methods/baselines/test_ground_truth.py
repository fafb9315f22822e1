import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spam_pipe.stages.evaluate.evaluate import evaluate
from spam_pipe.stages.methods.baselines.ground_truth import (
    annotated_pieces,
    ground_truth,
    merge_pieces,
)
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.regions.connectivity import connected_components
from spam_pipe.stages.scene import Scene

CONFIG = SegmentConfig(method="ground-truth")


def made(annotations: tuple[np.ndarray, ...], n: int) -> np.ndarray:
    gray = np.zeros((*annotations[0].shape, 3), np.uint8)
    scene = Scene(gray, gray.astype(np.float32), annotations=annotations)
    return ground_truth(scene, n, CONFIG).labels


def halves_and_thirds() -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.indices((12, 12), np.uint32)
    return columns // 6 + 5, rows // 4


def test_pieces_lie_between_all_annotators_borders() -> None:
    pieces, n = annotated_pieces(halves_and_thirds())
    assert n == 6
    assert np.bincount(pieces.ravel()).tolist() == [24] * 6


@given(n=st.integers(6, 60))
def test_with_enough_superpixels_no_border_is_crossed(n: int) -> None:
    annotations = halves_and_thirds()
    labels = made(annotations, n)
    assert evaluate(labels, None, annotations)["asa"] == 1
    assert labels.max() + 1 == n
    assert connected_components(labels)[1] == n


def test_of_too_many_pieces_those_merge_that_cost_least() -> None:
    # One annotator's border is a strip of 1 pixel off the other's: it costs 12 pixels of one.
    columns = np.indices((12, 12), np.uint32)[1]
    annotations = (columns // 6, (columns + 1) // 6)
    pieces, n = annotated_pieces(annotations)
    assert n == 4
    regions, n = merge_pieces(pieces, n, annotations, 2)
    assert n == 2
    assert [np.unique(regions[:, a:b]).size for a, b in ((0, 5), (6, 12))] == [1, 1]


@given(seed=st.integers(0, 200), n=st.integers(2, 12))
def test_merging_is_as_good_as_any_single_merge(seed: int, n: int) -> None:
    """From n + 1 pieces to n, the merge taken is the cheapest that there is in fact."""
    random = np.random.default_rng(seed)
    annotations = tuple(
        np.kron(random.integers(0, 3, (3, 4)), np.ones((2, 2))).astype(np.uint32) for _ in range(2)
    )
    pieces, before = annotated_pieces(annotations)
    if before < 2:
        return
    merged, after = merge_pieces(pieces, before, annotations, before - 1)
    assert after == before - 1
    best = max(
        float(evaluate(np.where(pieces == b, a, pieces), None, annotations)["asa"] or 0)
        for a in range(before)
        for b in range(before)
        if a != b and touching(pieces, a, b)
    )
    assert evaluate(merged, None, annotations)["asa"] == pytest.approx(best, abs=1e-12)


def touching(labels: np.ndarray, a: int, b: int) -> bool:
    return bool(
        ((labels[1:] == a) & (labels[:-1] == b)).any()
        or ((labels[1:] == b) & (labels[:-1] == a)).any()
        or ((labels[:, 1:] == a) & (labels[:, :-1] == b)).any()
        or ((labels[:, 1:] == b) & (labels[:, :-1] == a)).any()
    )


def test_without_ground_truth_there_is_none_to_make() -> None:
    gray = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="needs ground truth, and this image has none"):
        ground_truth(Scene(gray, gray.astype(np.float32)), 2, CONFIG)


def test_ground_truth_of_another_size_is_refused() -> None:
    gray = np.zeros((4, 4, 3), np.uint8)
    scene = Scene(gray, gray.astype(np.float32), annotations=(np.zeros((4, 5), np.uint32),))
    with pytest.raises(ValueError, match=r"\(4, 5\) where the image is \(4, 4\)"):
        ground_truth(scene, 2, CONFIG)
