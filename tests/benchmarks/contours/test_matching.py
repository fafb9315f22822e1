"""One-to-one correspondence of contour pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from tests.benchmarks.contours.matching import match_contours

Mask = np.ndarray


def mask(*rows: str) -> Mask:
    return np.array([[letter == "#" for letter in row] for row in rows])


def total_cost(detected: Mask, truth: Mask, matched: int, distance: float, reach: float) -> float:
    unmatched = np.count_nonzero(detected) + np.count_nonzero(truth) - 2 * matched
    return distance + 100 * reach * unmatched


def smallest_cost(detected: Mask, truth: Mask, reach: float) -> tuple[float, int]:
    """Return the cost and number of matches of the best assignment, by the dense method."""
    ours, theirs = np.argwhere(detected), np.argwhere(truth)
    n, m = len(ours), len(theirs)
    distances = np.hypot(*np.moveaxis(ours[:, None] - theirs[None], -1, 0))
    costs = np.zeros((n + m, n + m))
    costs[:n, :m] = np.where(distances <= reach, distances, 1e9)
    costs[:n, m:] = costs[n:, :m] = 100 * reach
    rows, columns = linear_sum_assignment(costs)
    matched = int(((rows < n) & (columns < m)).sum())
    return costs[rows, columns].sum(), matched


masks = st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(
    lambda shape: st.tuples(hnp.arrays(np.bool_, shape), hnp.arrays(np.bool_, shape))
)


@given(masks, st.sampled_from([1.0, 1.5, 2.3, 4.0]))
def test_as_many_are_matched_as_at_the_smallest_cost(case: tuple[Mask, Mask], reach: float) -> None:
    detected, truth = case
    ours, theirs = match_contours(detected, truth, reach)
    _, matched = smallest_cost(detected, truth, reach)
    assert np.count_nonzero(ours) == np.count_nonzero(theirs) == matched
    assert not (ours & ~detected).any()
    assert not (theirs & ~truth).any()
    # The pixels chosen can be matched among themselves at the smallest cost.
    within, all_of_them = smallest_cost(ours, theirs, reach)
    assert all_of_them == matched
    assert total_cost(detected, truth, matched, within, reach) == pytest.approx(
        smallest_cost(detected, truth, reach)[0]
    )


def test_equal_contours_match_in_place() -> None:
    line = mask("....", "####", "....")
    ours, theirs = match_contours(line, line, 2.0)
    np.testing.assert_array_equal(ours, line)
    np.testing.assert_array_equal(theirs, line)


def test_a_pixel_is_matched_once() -> None:
    ours, theirs = match_contours(mask("###"), mask(".#."), 2.0)
    assert ours.tolist() == [[False, True, False]]
    assert theirs.tolist() == [[False, True, False]]


def test_more_matches_come_before_closer_ones() -> None:
    # The pixel in place has to give way: only so are both matched.
    ours, theirs = match_contours(mask("##..."), mask(".#.#."), 2.0)
    assert ours.sum() == theirs.sum() == 2


def test_distance_is_euclidean_and_its_limit_included() -> None:
    corner, other = mask("#..", "...", "..."), mask("...", "...", "..#")
    assert not match_contours(corner, other, 2.8)[0].any()
    assert match_contours(corner, other, np.sqrt(8))[0].any()


@pytest.mark.parametrize("reach", [0.0, 0.9])
def test_within_less_than_a_pixel_only_the_same_pixel_matches(reach: float) -> None:
    ours, _ = match_contours(mask("##."), mask(".##"), reach)
    assert ours.tolist() == [[False, True, False]]


def test_nothing_matches_nothing() -> None:
    empty, line = mask("..."), mask("###")
    for first, second in ((empty, line), (line, empty), (empty, empty)):
        ours, theirs = match_contours(first, second, 3.0)
        assert not ours.any()
        assert not theirs.any()
