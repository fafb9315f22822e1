"""Any label map becomes superpixels 0..n-1."""

import numpy as np
import pytest

from spam_pipe.stages.describe.numbering import check_fit, number


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.int32, np.int64, np.uint64])
def test_labels_with_gaps_are_numbered_in_their_order(kind: type) -> None:
    index, ids = number(np.array([[7, 3, 3], [9, 9, 7]], kind))
    np.testing.assert_array_equal(index, [[1, 0, 0], [2, 2, 1]])
    assert ids.tolist() == [3, 7, 9]
    assert index.dtype == np.int32


def test_labels_far_apart_are_numbered_without_a_table_of_them() -> None:
    index, ids = number(np.array([[2**62, -5], [0, 2**62]]))
    np.testing.assert_array_equal(index, [[1, -1], [0, 1]])
    assert ids.tolist() == [0, 2**62]


def test_a_wide_range_of_a_narrow_kind_does_not_overflow() -> None:
    labels = np.arange(-128, 128).reshape(16, 16).astype(np.int8)
    index, ids = number(labels)
    assert ids.tolist() == list(range(128))
    np.testing.assert_array_equal(index, np.maximum(labels, -1))


def test_what_is_below_the_first_label_is_outside() -> None:
    labels = np.array([[0, 1], [2, 0]], np.uint16)
    index, ids = number(labels, start_label=1)
    np.testing.assert_array_equal(index, [[-1, 0], [1, -1]])
    assert ids.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.zeros((0, 3), np.int32), r"\(0, 3\)"),
        (np.zeros((2, 2, 2), np.int32), r"\(2, 2, 2\)"),
        (np.zeros((2, 2)), "float64"),
        (np.full((2, 2), -1), "all labels are below the first one, 0"),
    ],
)
def test_what_is_no_label_map_is_refused(labels: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        number(labels)


def test_an_array_of_another_size_is_named() -> None:
    with pytest.raises(ValueError, match=r"an image of \(2, 3\) pixels and labels of \(3, 2\)"):
        check_fit("an image", np.zeros((2, 3, 3)), np.zeros((3, 2), np.int32))
