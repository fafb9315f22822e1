import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spam_pipe.stages.annotate.votes import count_votes

SAID = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3)), max_size=30)


@given(SAID)
def test_the_class_said_most_often_wins_of_several_the_last(said: list[tuple[int, int]]) -> None:
    regions, classes = np.array(said, np.int64).reshape(-1, 2).T
    votes = count_votes(regions, classes)
    expected = np.zeros(5, np.int64)
    for region in range(5):
        own = [name for place, name in said if place == region]
        most = max((own.count(name) for name in own), default=0)
        for name in own[::-1]:  # the one said last that is said as often as any
            if own.count(name) == most:
                expected[region] = name
                break
    assert np.array_equal(votes.winners(5), expected)
    assert votes.counts.sum() == len(said)


def test_conflicts_are_the_regions_of_which_several_classes_are_said() -> None:
    votes = count_votes(np.array([7, 2, 7, 7, 4]), np.array([1, 3, 2, 2, 3]))
    found = votes.conflicts()
    assert found.regions.tolist() == [7, 7]
    assert found.classes.tolist() == [1, 2]
    assert found.counts.tolist() == [1, 2]


@pytest.mark.parametrize("n", [0, 3])
def test_nothing_said(n: int) -> None:
    nothing = np.zeros(0, np.int64)
    assert count_votes(nothing, nothing).winners(n).tolist() == [0] * n
