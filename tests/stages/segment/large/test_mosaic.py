"""Windows put together: what holds whatever a window's segmentation makes of it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from spam_pipe.stages.regions.connectivity import connected_components
from spam_pipe.stages.segment.large.mosaic import Found, segment_by_windows
from spam_pipe.stages.segment.large.tiling import Box

Mask = NDArray[np.bool_]


def squares(side: int) -> object:
    """A segmentation that looks at nothing but where a pixel lies: squares, cut at the frame."""

    def segment(box: Box, free: Mask, count: int) -> Found:
        rows, columns = (np.arange(part.start, part.stop) // side for part in box)
        cells = (rows[:, None] * 1000 + columns).astype(np.int32)
        labels, _ = connected_components(np.where(free, cells, np.int32(-1)))
        return Found(labels, (rows[:, None] % 2 + 2 * (columns % 3) + 1).astype(np.int32))

    return segment


def strips(box: Box, free: Mask, count: int) -> Found:
    """Exactly `count` regions of consecutive pixels, connected or not."""
    labels = np.full(free.shape, -1, np.int32)
    n = np.count_nonzero(free)
    labels[free] = np.arange(n) * count // n
    return Found(labels, None)


def connected(labels: NDArray[np.int32]) -> bool:
    return all(ndimage.label(labels == label)[1] == 1 for label in range(labels.max() + 1))


@given(st.integers(1, 70), st.integers(1, 70), st.integers(100, 3000), st.integers(3, 9))
def test_what_windows_agree_on_does_not_depend_on_them(
    height: int, width: int, window_pixels: int, side: int
) -> None:
    count = max(1, height * width // side**2)
    shape = height, width
    whole = segment_by_windows(shape, count, squares(side), window_pixels=height * width)
    parts = segment_by_windows(shape, count, squares(side), window_pixels=window_pixels)
    assert whole.n_windows == 1
    assert np.array_equal(whole.labels, parts.labels)


@given(st.integers(0, 2**32 - 1), st.integers(100, 3000))
@settings(max_examples=50)
def test_labels_are_connected_numbered_in_raster_order_and_of_valid_pixels(
    seed: int, window_pixels: int
) -> None:
    rng = np.random.default_rng(seed)
    valid = ndimage.gaussian_filter(rng.random((50, 60)), 3) > 0.5
    valid[0, 0] = True
    made = segment_by_windows((50, 60), 40, squares(7), window_pixels=window_pixels, valid=valid)
    assert np.array_equal(made.labels >= 0, valid)
    found, first = np.unique(made.labels[valid], return_index=True)
    assert np.array_equal(found, np.arange(made.owners.size))
    assert (np.diff(first) > 0).all()
    assert connected(made.labels)


@given(st.integers(20, 70), st.integers(20, 70), st.integers(1, 60), st.integers(400, 3000))
def test_shares_of_windows_add_up_to_the_count(
    height: int, width: int, count: int, window_pixels: int
) -> None:
    made = segment_by_windows((height, width), count, strips, window_pixels=window_pixels)
    assert made.labels.min() == 0
    assert made.owners.size == made.labels.max() + 1
    # A window gets one superpixel at least, however few are left.
    assert count <= made.owners.size <= max(count, made.n_windows)


def test_an_object_goes_by_one_number_in_all_windows_that_recognise_it() -> None:
    made = segment_by_windows((40, 90), 100, squares(6), window_pixels=1600)
    assert made.n_windows > 4
    owner = made.owners[made.labels]
    rows, columns = np.indices(owner.shape) // 6
    seen = rows % 2 + 2 * (columns % 3)
    assert made.owners.min() == 1
    assert len({*zip(owner.ravel().tolist(), seen.ravel().tolist(), strict=True)}) == 6
    given = segment_by_windows((40, 90), 100, squares(6), window_pixels=1600, global_objects=True)
    assert np.array_equal(given.owners[given.labels], seen + 1)
