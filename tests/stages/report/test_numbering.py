"""Inner-most points and numbered pictures."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spam_pipe.stages.report.numbering import innermost_points, number_objects


def test_the_inner_most_point_of_a_rectangle_is_its_centre() -> None:
    objects = np.ones((9, 20), np.uint16)
    objects[:, 11:] = 2
    objects[:, 10] = 0
    points = innermost_points(objects)
    assert points[1].tolist() == [4, 15]
    assert points[0, 0] == 4
    assert 4 <= points[0, 1] <= 5


def test_a_ring_s_point_is_on_the_ring() -> None:
    rows, columns = np.indices((41, 41))
    radius = np.hypot(rows - 20, columns - 20)
    objects = np.where(radius < 10, 1, np.where(radius < 18, 2, 3))
    row, column = innermost_points(objects)[1]
    assert objects[row, column] == 2
    assert 12 <= radius[row, column] <= 16


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_every_point_lies_in_its_object(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    objects = rng.integers(0, n + 1, (rng.integers(3, 12), rng.integers(3, 12)))
    objects.flat[:n] = np.arange(1, n + 1)
    points = innermost_points(objects)
    assert objects[points[:, 0], points[:, 1]].tolist() == list(range(1, n + 1))


def test_numbers_are_written_on_an_enlarged_picture() -> None:
    image = np.full((40, 60, 3), 120, np.uint8)
    objects = np.ones((40, 60), np.uint16)
    objects[:, 30:] = 2
    picture = number_objects(image, objects)
    scale = picture.shape[0] // 40
    assert picture.shape == (40 * scale, 60 * scale, 3)
    assert picture.shape[1] >= 1400
    for row, column in innermost_points(objects):
        near = picture[
            row * scale - 10 : row * scale + 30, column * scale - 10 : column * scale + 30
        ]
        assert (near == 255).all(axis=2).any()
        assert (near == 0).all(axis=2).any()
