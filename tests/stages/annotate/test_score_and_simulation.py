import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spam_pipe.stages.annotate.annotate import annotate
from spam_pipe.stages.annotate.score import clicked_truth, score
from spam_pipe.stages.annotate.simulate import simulate
from spam_pipe.stages.annotate.votes import Clicks
from spam_pipe.stages.colour import rgb_to_lab

MAPS = arrays(np.int64, (4, 5), elements=st.integers(0, 3))


def test_figures_of_a_small_mask() -> None:
    mask = np.array([[1, 1, 2, 0]])
    truth = np.array([[1, 2, 2, 2]])
    accuracy, iou = score(mask, truth)
    assert accuracy == 0.5
    assert iou == pytest.approx((1 / 2 + 1 / 3) / 2)


@given(MAPS, MAPS)
def test_score_against_its_definition(mask: np.ndarray, truth: np.ndarray) -> None:
    found = score(mask, truth)
    assert found.pixel_accuracy == np.mean((mask == truth) & (truth > 0))
    ious = []
    for name in np.unique(truth):
        ours, theirs = (mask == name) & (name > 0), truth == name
        ious.append((ours & theirs).sum() / (ours | theirs).sum())
    assert found.mean_iou == pytest.approx(np.mean(ious))


def test_regions_are_called_what_most_clicks_in_them_say() -> None:
    regions = np.array([[40, 40, 7, 9]])
    said = Clicks(np.zeros(3, int), np.array([0, 1, 2]), np.array([2, 2, 1]))
    assert clicked_truth(regions, said).tolist() == [[2, 2, 1, 0]]


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, an image and its ground truth of four regions."""
    truth = np.kron(np.array([[3, 8], [5, 3]]), np.ones((8, 8))).astype(np.uint32)
    random = np.random.default_rng(seed)
    image = (truth[..., None] * 25 + random.integers(0, 20, (16, 16, 3))).astype(np.uint8)
    labels = np.kron(np.arange(16).reshape(4, 4), np.ones((4, 4))).astype(np.uint16)
    return labels, image, truth


def test_clicks_go_into_the_largest_error_until_all_is_right() -> None:
    labels, image, truth = scene()
    found = simulate(labels, rgb_to_lab(image), truth, 50)
    assert found.pixel_accuracy[-1] == 1.0
    assert found.mean_iou[-1] == 1.0
    assert found.clicks_to(1.0) == found.rows.size < 16
    assert found.clicks_to(0.5) in {1, 2}
    # The first regions are squares of 8 × 8 pixels; the innermost pixel is in the middle.
    assert (found.rows[0], found.columns[0]) == (3, 3)


def test_each_step_is_what_annotating_with_the_clicks_so_far_gives() -> None:
    labels, image, truth = scene(1)
    found = simulate(labels, rgb_to_lab(image), truth, 50)
    for n in range(1, found.rows.size + 1):
        rows, columns = found.rows[:n], found.columns[:n]
        names = truth[rows, columns].astype(np.int64)
        mask = annotate(labels, Clicks(rows, columns, names), fill=True, image=image).mask
        assert np.mean(mask == truth) == found.pixel_accuracy[n - 1]


def test_nobody_spoils_a_superpixel_for_a_sliver() -> None:
    truth = np.array([[1, 1, 1, 2, 3, 3]])
    labels = np.array([[0, 0, 0, 0, 1, 1]])
    found = simulate(labels, np.zeros((1, 6, 3)), truth, 9)
    assert found.columns.tolist() == [0, 4]
    assert found.pixel_accuracy.tolist() == [0.5, 5 / 6]


def test_a_superpixel_across_a_border_stays_half_wrong() -> None:
    truth = np.array([[1, 1, 2, 2]])
    found = simulate(np.array([[0, 0, 0, 0]]), np.zeros((1, 4, 3)), truth, 9)
    assert found.pixel_accuracy.tolist() == [0.5]
    assert found.clicks_to(0.9) is None
