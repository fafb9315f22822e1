import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spam_pipe.stages.segment.large.tiling import cut_into_blocks

sizes = st.integers(1, 90)


@given(sizes, sizes, st.integers(1, 4000), st.integers(0, 30))
def test_cores_cover_the_image_once_and_windows_hold_them(
    height: int, width: int, window_pixels: int, margin: int
) -> None:
    covered = np.zeros((height, width), int)
    for block in cut_into_blocks((height, width), window_pixels, margin):
        covered[block.core] += 1
        seen = np.zeros((height, width), bool)
        seen[block.window] = True
        assert seen[block.core].all()
        marked = np.zeros((height, width), bool)
        marked[block.window][block.core_in_window] = True
        expected = np.zeros((height, width), bool)
        expected[block.core] = True
        assert np.array_equal(marked, expected)
    assert (covered == 1).all()


def test_an_image_of_a_windows_size_is_one_block() -> None:
    (block,) = cut_into_blocks((50, 80), 4000, 10)
    assert block.core == block.window == (slice(0, 50), slice(0, 80))


def test_a_window_is_no_larger_than_asked_for() -> None:
    blocks = cut_into_blocks((1000, 700), 100 * 100, 20)
    areas = [np.prod([part.stop - part.start for part in block.window]) for block in blocks]
    assert max(areas) <= 100 * 100
    assert len(blocks) == 17 * 12


def test_wide_margins_leave_a_core_of_their_own_width() -> None:
    blocks = cut_into_blocks((300, 300), 1000, 50)
    assert len(blocks) == 36
    assert all(core.stop - core.start == 50 for block in blocks for core in block.core)
