"""Perimeters from chain codes, followed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import binary_fill_holes, label

from spam_pipe.stages.evaluate.chain_code import chain_code_perimeter


def length(*rows: str) -> float:
    mask = np.array([[letter == "#" for letter in row] for row in rows], np.uint8)
    return chain_code_perimeter(np.pad(mask, 1))


@pytest.mark.parametrize(
    ("rows", "even", "odd", "turns"),
    [
        (["#"], 0, 0, 0),
        (["##"], 2, 0, 2),  # E W
        (["#", "#"], 2, 0, 2),  # S N
        (["#.", ".#"], 0, 2, 2),  # SE NW
        ([".#", "#."], 0, 2, 1),  # NE, the direction before the first step, then SW
        (["##", "##"], 4, 0, 4),  # E S W N
        (["###", "###", "###"], 8, 0, 4),
        (["###", "#.#", "###"], 8, 0, 4),  # holes do not count
        ([".#.", "###", ".#."], 0, 4, 3),  # NE SE SW NW
        (["##", "#."], 2, 1, 3),  # E SW N
        (["#..", "#..", "###"], 6, 1, 5),  # S SE E W W N N
    ],
)
def test_length_of_small_shapes(rows: list[str], even: int, odd: int, turns: int) -> None:
    assert length(*rows) == pytest.approx(0.980 * even + 1.406 * odd - 0.091 * turns, abs=1e-12)


def test_an_empty_mask_has_no_length() -> None:
    assert length("...", "...") == 0


def test_only_the_component_of_the_start_pixel_is_followed() -> None:
    assert length("##.....", "##..###", "....###") == length("##", "##")


def test_a_line_is_walked_there_and_back() -> None:
    assert length("#" * 10) == pytest.approx(18 * 0.980 - 2 * 0.091, abs=1e-12)


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_every_shape_ends_and_filling_its_holes_changes_nothing(shape: np.ndarray) -> None:
    parts, _ = label(shape, np.ones((3, 3)))
    columns = np.flatnonzero(shape.any(axis=0))
    if columns.size == 0:
        return
    start = parts[np.flatnonzero(shape[:, columns[0]])[0], columns[0]]
    alone = parts == start
    expected = chain_code_perimeter(np.pad(alone, 1).astype(np.uint8))
    filled = binary_fill_holes(alone)  # 4-connected background: holes of an 8-connected shape
    assert chain_code_perimeter(np.pad(shape, 1).astype(np.uint8)) == expected
    assert chain_code_perimeter(np.pad(filled, 1).astype(np.uint8)) == expected
    assert expected >= 0
