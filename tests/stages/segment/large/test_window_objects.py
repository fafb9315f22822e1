import numpy as np

from spam_pipe.stages.segment.large.window_objects import recognised, without_specks


def test_an_object_is_known_that_shares_most_with_one_seen_before() -> None:
    objects = np.array([[1, 1, 1, 2, 2, 3, 0]], np.int32)
    known = np.array([[7, 7, 5, 5, 5, 0, 5]], np.int32)
    assert recognised(objects, known).tolist() == [0, 7, 5, 0]


def test_an_object_that_another_fits_better_is_new() -> None:
    objects = np.array([[1, 1, 2, 2, 2]], np.int32)
    known = np.full((1, 5), 4, np.int32)
    assert recognised(objects, known).tolist() == [0, 0, 4]


def test_of_equals_the_lowest_numbers_match_once() -> None:
    objects = np.array([[1, 1, 2, 2]], np.int32)
    assert recognised(objects, np.array([[3, 3, 3, 3]], np.int32)).tolist() == [0, 3, 0]
    assert recognised(objects, np.array([[5, 4, 0, 0]], np.int32)).tolist() == [0, 4, 0]


def test_where_nothing_was_seen_nothing_is_known() -> None:
    objects = np.ones((2, 3), np.int32)
    assert recognised(objects, np.zeros((2, 3), np.int32)).tolist() == [0, 0]


def test_small_free_pieces_of_objects_become_uncertain() -> None:
    objects = np.repeat(np.array([[1, 1, 1, 2, 2, 3]], np.int32), 3, axis=0)
    free = np.ones((3, 6), bool)
    free[:, :2] = False  # leaves 3 pixels of object 1, 6 of object 2, 3 of object 3
    softened = without_specks(objects, free, 4)
    assert np.array_equal(softened, np.repeat([[1, 1, 0, 2, 2, 0]], 3, axis=0))


def test_without_free_pixels_objects_stay() -> None:
    objects = np.array([[1, 2]], np.int32)
    assert np.array_equal(without_specks(objects, np.zeros((1, 2), bool), 9), objects)
