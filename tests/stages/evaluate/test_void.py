"""Pixels without a label count in no metric that looks at ground truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spam_pipe.stages.evaluate.evaluate import evaluate
from spam_pipe.stages.validity import VOID

NAMES = ("asa", "ue", "ue_np", "boundary_recall", "boundary_precision")
LABELS = np.arange(12)[:, np.newaxis] // 4 * 4 + np.arange(16) // 4
TRUTH = np.repeat([[0, 1, 1, 2]], 12, axis=0).repeat(4, axis=1)


def with_void(truth: np.ndarray, void: np.ndarray) -> np.ndarray:
    return np.where(void, VOID, truth.astype(np.int64))


def test_the_figures_of_a_ground_truth_with_a_void() -> None:
    void = np.zeros(TRUTH.shape, np.bool_)
    void[:, :3] = True
    made = evaluate(LABELS, annotations=[with_void(TRUTH, void)])
    cut = evaluate(LABELS[:, 3:], annotations=[TRUTH[:, 3:]], boundary_tolerance=0)
    radius_0 = evaluate(LABELS, annotations=[with_void(TRUTH, void)], boundary_tolerance=0)
    for name in ("asa", "ue", "ue_np"):
        assert made[name] == pytest.approx(cut[name])
    for name in NAMES:
        assert radius_0[name] == pytest.approx(cut[name])
    whole = evaluate(LABELS, annotations=[TRUTH])
    assert made["gr"] == whole["gr"]
    assert made["contour_density"] == whole["contour_density"]


@given(
    hnp.arrays(np.int64, (9, 11), elements=st.integers(0, 3)),
    hnp.arrays(np.bool_, (9, 11)),
    st.integers(0, 2),
)
def test_what_is_void_decides_nothing(truth: np.ndarray, void: np.ndarray, other: int) -> None:
    labels = np.arange(9)[:, np.newaxis] // 3 * 4 + np.arange(11) // 3
    void[0, 0] = False
    one = evaluate(labels, annotations=[with_void(truth, void)])
    changed = np.where(void, other, truth)
    two = evaluate(labels, annotations=[with_void(changed, void)])
    assert one == two


def test_an_annotator_who_says_nothing_does_not_count() -> None:
    nothing = np.full(TRUTH.shape, VOID)
    assert evaluate(LABELS, annotations=[nothing])["asa"] is None
    both = evaluate(LABELS, annotations=[nothing, TRUTH])
    alone = evaluate(LABELS, annotations=[TRUTH])
    assert both == alone


def test_a_ground_truth_of_one_region_has_no_recall() -> None:
    made = evaluate(LABELS, annotations=[np.zeros_like(TRUTH)])
    assert made["boundary_recall"] is None
    assert made["boundary_precision"] == 0
    flat = evaluate(np.zeros_like(TRUTH), annotations=[TRUTH])
    assert (flat["boundary_recall"], flat["boundary_precision"]) == (0, None)
