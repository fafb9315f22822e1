"""Paired statistics against scipy, and cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spam_pipe.stages.report.config import ReportConfig
from spam_pipe.stages.report.statistics import PairedDifferences, holm, paired_differences

CONFIG = ReportConfig(bootstrap_samples=400)


def paired_difference(
    figures: np.ndarray, reference: np.ndarray, config: ReportConfig
) -> PairedDifferences:
    """Compare one column; fields are its figures."""
    found = paired_differences(figures[:, np.newaxis], reference[:, np.newaxis], config)
    return PairedDifferences(**{name: value[0] for name, value in vars(found).items()})


def test_differences_agree_with_scipy() -> None:
    random = np.random.default_rng(1)
    reference = random.normal(0.9, 0.02, 40)
    figures = reference + random.normal(0.004, 0.01, 40)
    found = paired_difference(figures, reference, ReportConfig(bootstrap_samples=20_000))
    assert found.n_pairs == 40
    assert found.mean == pytest.approx(np.mean(figures - reference), abs=1e-15)
    assert found.p == stats.wilcoxon(figures, reference).pvalue
    theirs = stats.bootstrap(
        (figures - reference,), np.mean, n_resamples=20_000, method="percentile", rng=2
    ).confidence_interval
    width = theirs.high - theirs.low
    assert found.low == pytest.approx(theirs.low, abs=0.03 * width)
    assert found.high == pytest.approx(theirs.high, abs=0.03 * width)


def test_a_case_by_hand() -> None:
    # Signed ranks of 1, 2, 3, 4, -5 hold W- = 5 of 15: 2 P(W <= 5) = 2 * 10 / 32.
    found = paired_difference(np.array([1.0, 2, 3, 4, -5]), np.zeros(5), CONFIG)
    assert found.p == pytest.approx(20 / 32)
    assert found.win_rate == 0.8
    assert found.mean == 1.0


def test_ties_count_half_and_undefined_images_not_at_all() -> None:
    figures = np.array([0.5, 0.5, 0.7, np.nan, 0.2])
    reference = np.array([0.5, 0.4, 0.6, 0.1, np.nan])
    found = paired_difference(figures, reference, CONFIG)
    assert found.n_pairs == 3
    assert found.win_rate == pytest.approx(2.5 / 3)


def test_equal_figures_are_no_difference() -> None:
    found = paired_difference(np.full(6, 0.9), np.full(6, 0.9), CONFIG)
    assert (found.mean, found.low, found.high, found.p, found.win_rate) == (0, 0, 0, 1, 0.5)


def test_one_image_has_no_interval_and_no_test() -> None:
    found = paired_difference(np.array([0.9]), np.array([0.8]), CONFIG)
    assert found.mean == pytest.approx(0.1)
    assert np.isnan([found.low, found.high, found.p]).all()


def test_no_common_image_says_nothing() -> None:
    found = paired_difference(np.array([np.nan, 1.0]), np.array([1.0, np.nan]), CONFIG)
    assert found.n_pairs == 0
    assert np.isnan([found.mean, found.low, found.high, found.p, found.win_rate]).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=2, max_size=30))
def test_comparing_the_other_way_round_turns_the_signs(pairs: list[tuple[float, float]]) -> None:
    mine, theirs = np.array(pairs).T
    there, back = paired_difference(mine, theirs, CONFIG), paired_difference(theirs, mine, CONFIG)
    assert there.mean == -back.mean
    assert there.p == pytest.approx(back.p)
    assert there.win_rate == pytest.approx(1 - back.win_rate)
    assert there.low == pytest.approx(-back.high, abs=1e-12)


@pytest.mark.parametrize("n", [2, 8, 13, 14, 50, 51, 100])
@pytest.mark.parametrize("digits", [2, 9])
def test_columns_together_are_what_each_is_alone(n: int, digits: int) -> None:
    random = np.random.default_rng(n)
    figures = random.normal(0.9, 0.02, (n + 3, 12)).round(digits)
    reference = random.normal(0.9, 0.02, (n + 3, 12)).round(digits)
    figures[random.random(figures.shape) < 0.03] = np.nan
    figures[:, 0], reference[:, 1] = reference[:, 0], np.nan
    found = paired_differences(figures, reference, CONFIG)
    for j in range(12):
        differences = figures[:, j] - reference[:, j]
        differences = differences[~np.isnan(differences)]
        expected = np.nan
        if len(differences) > 1:
            expected = stats.wilcoxon(differences).pvalue if differences.any() else 1.0
        np.testing.assert_array_equal(found.p[j], expected)
        alone = paired_difference(figures[:, j], reference[:, j], CONFIG)
        for name, value in vars(alone).items():
            np.testing.assert_allclose(vars(found)[name][j], value, rtol=0, atol=1e-15)


def test_holm_by_hand() -> None:
    # Sorted .01, .02, .03 are multiplied by 3, 2, 1 and kept rising.
    assert holm(np.array([0.03, 0.01, 0.02])).tolist() == pytest.approx([0.04, 0.03, 0.04])
    assert holm(np.array([0.01, np.nan, 0.9])).tolist()[0] == pytest.approx(0.02)
    assert np.isnan(holm(np.array([0.01, np.nan])))[1]
    assert np.isnan(holm(np.array([np.nan]))).all()
