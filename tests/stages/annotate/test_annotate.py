import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spam_pipe.stages.annotate.annotate import annotate
from spam_pipe.stages.annotate.votes import Clicks

LABELS = np.kron(np.arange(6).reshape(2, 3), np.ones((2, 2))).astype(np.uint16)
"""Six superpixels of 2 × 2 pixels, three in a row."""

FRAME = (4, 6)


def clicks(*said: tuple[int, int, int]) -> Clicks:
    """Return clicks given as row, column, class."""
    rows, columns, classes = np.array(said, np.int64).reshape(-1, 3).T
    return Clicks(rows, columns, classes)


def test_a_click_labels_its_superpixel_and_nothing_else() -> None:
    found = annotate(LABELS, clicks((0, 0, 5), (3, 5, 7)))
    assert np.array_equal(found.mask, np.choose(LABELS, [5, 0, 0, 0, 0, 7]))
    assert (found.n_clicked, found.n_superpixels) == (2, 6)
    assert found.conflicts.regions.size == 0


def test_conflicts_name_the_labels_of_the_map() -> None:
    found = annotate(LABELS + 10, clicks((0, 0, 5), (1, 1, 7), (1, 0, 5)), start_label=1)
    assert found.mask[0, 0] == 5
    assert found.conflicts.regions.tolist() == [10, 10]
    assert found.conflicts.classes.tolist() == [7, 5]


def test_what_is_outside_has_no_class() -> None:
    found = annotate(LABELS, clicks((0, 2, 5)), start_label=1, fill=True, image=gray())
    assert np.array_equal(found.mask, np.where(LABELS > 0, 5, 0))
    with pytest.raises(ValueError, match="x = 1, y = 0 lies where the image has no data"):
        annotate(LABELS, clicks((0, 1, 5)), start_label=1)


def gray() -> np.ndarray:
    return np.full((*FRAME, 3), 90, np.uint8)


def test_objects_carry_a_class_to_their_other_superpixels() -> None:
    objects = np.zeros(FRAME, np.int64)
    objects[:2, :4] = 1  # superpixels 0 and 1
    objects[2:, 4:] = 2  # superpixel 5
    found = annotate(LABELS, clicks((0, 0, 5), (0, 4, 6)), objects=objects)
    assert np.array_equal(found.mask, np.choose(LABELS, [5, 5, 6, 0, 0, 0]))


def test_a_click_counts_before_what_is_painted_and_that_before_objects() -> None:
    painted = np.zeros(FRAME, np.int64)
    painted[:2] = 3
    painted[2, 0] = 3  # a quarter of superpixel 3 is not most of it
    objects = np.ones(FRAME, np.int64)
    found = annotate(LABELS, clicks((0, 0, 5)), painted=painted, objects=objects)
    expected = np.choose(LABELS, [5, 3, 3, 5, 5, 5])
    expected[2, 0] = 3  # but what is painted stays
    assert np.array_equal(found.mask, expected)


def test_filling_follows_colour() -> None:
    image = gray()
    image[:, :2] = 200
    found = annotate(LABELS, clicks((0, 0, 1), (3, 5, 2)), fill=True, image=image)
    assert np.array_equal(found.mask[:, :2], np.full((4, 2), 1))
    assert np.array_equal(found.mask[:, 2:], np.full((4, 4), 2))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(1, 3)), max_size=9))
def test_superpixels_are_of_one_class_and_clicks_of_one_class_are_kept(
    said: list[tuple[int, int, int]],
) -> None:
    found = annotate(LABELS, clicks(*said))
    for label in range(6):
        assert np.unique(found.mask[label == LABELS]).size == 1
    conflicting = set(found.conflicts.regions.tolist())
    for row, column, name in said:
        if int(LABELS[row, column]) not in conflicting:
            assert found.mask[row, column] == name
    whole = annotate(LABELS, clicks(*said), fill=True, image=gray())
    assert (whole.mask > 0).all() == bool(said)


@pytest.mark.parametrize(("row", "column"), [(4, 0), (0, 6), (-1, 0)])
def test_a_click_outside_the_image(row: int, column: int) -> None:
    message = f"the click x = {column}, y = {row} lies outside the image, which is 6 wide and 4"
    with pytest.raises(ValueError, match=message):
        annotate(LABELS, clicks((row, column, 1)))


def test_arrays_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="do not fit each other"):
        annotate(LABELS, clicks(), objects=np.ones((2, 2), np.int64))
    with pytest.raises(ValueError, match="needs the image"):
        annotate(LABELS, clicks(), fill=True)
