"""Pixels in convex hulls."""

from fractions import Fraction
from math import ceil

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spam_pipe.stages.evaluate.convex_hull import convex_minorant, hull_rows

sequences = hnp.arrays(np.int64, st.integers(1, 9), elements=st.integers(-30, 30))


@given(sequences)
def test_minorant_is_the_lowest_chord_rounded_up(values: np.ndarray) -> None:
    expected = [
        ceil(
            min(
                Fraction(int(values[a] * (b - i) + values[b] * (i - a)), b - a)
                if a < b
                else values[i]
                for a in range(i + 1)
                for b in range(i, len(values))
            )
        )
        for i in range(len(values))
    ]
    assert convex_minorant(values).tolist() == expected


@given(sequences, st.data())
def test_hulls_mirror(left: np.ndarray, data: st.DataObject) -> None:
    widths = data.draw(hnp.arrays(np.int64, left.shape, elements=st.integers(0, 9)))
    first, last = hull_rows(left, left + widths)
    mirrored_first, mirrored_last = hull_rows(-left - widths, -left)
    assert (first <= left).all()
    assert (last >= left + widths).all()
    assert (mirrored_first == -last).all()
    assert (mirrored_last == -first).all()


def test_pixels_on_the_hull_belong_to_it() -> None:
    # The edge from (row 0, column 0) to (row 4, column 2) passes through column 1 at row 2.
    first, last = hull_rows(np.array([0, 3, 3, 3, 2]), np.array([5, 5, 5, 5, 5]))
    assert first.tolist() == [0, 1, 1, 2, 2]
    assert last.tolist() == [5, 5, 5, 5, 5]


def test_a_diagonal_is_its_own_hull() -> None:
    line = np.arange(6)
    first, last = hull_rows(line, line)
    assert first.tolist() == last.tolist() == line.tolist()
