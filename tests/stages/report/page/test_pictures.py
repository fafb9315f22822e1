"""The pictures that the page carries: what is chosen, how it is encoded, how large it gets."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from spam_pipe.stages.report.drawing import boundary_lines
from spam_pipe.stages.report.page.choice import MOST_DRAWINGS, choose
from spam_pipe.stages.report.page.pictures import (
    LONGEST,
    encode_lines,
    encode_objects,
    encode_photo,
    fitting_size,
    shrink_labels,
)
from tests.stages.report.page.page_tables import random_labels, table


def decode(uri: str) -> Image.Image:
    head, _, content = uri.partition(",")
    assert head in {"data:image/png;base64", "data:image/webp;base64"}
    return Image.open(io.BytesIO(base64.b64decode(content)))


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_pictures_keep_their_shape_and_fit(height: int, width: int) -> None:
    new_height, new_width = fitting_size(height, width)
    assert 1 <= max(new_height, new_width) <= LONGEST
    if max(height, width) <= LONGEST:
        assert (new_height, new_width) == (height, width)
    else:
        assert abs(new_height - height * LONGEST / max(height, width)) <= 1


def test_a_large_photo_shrinks() -> None:
    assert decode(encode_photo(np.zeros((1000, 2000, 3), np.uint8))).size == (560, 280)


def test_boundaries_are_one_bit_and_exact() -> None:
    labels = random_labels((60, 90), 20)
    picture = decode(encode_lines(labels))
    assert picture.mode == "1"
    np.testing.assert_array_equal(np.asarray(picture), boundary_lines(labels))


def test_boundaries_tell_what_is_no_superpixel() -> None:
    labels = random_labels((60, 90), 20) + 1
    labels[:, :30] = 0
    red, green, blue = np.moveaxis(np.asarray(decode(encode_lines(labels, 1)).convert("RGB")), 2, 0)
    np.testing.assert_array_equal(red > 127, boundary_lines(labels))
    np.testing.assert_array_equal((blue > 127) & (green < 128), labels == 0)
    assert encode_lines(labels + 1, 1) == encode_lines(labels)


def test_a_shrunk_label_map_holds_its_labels_and_no_others() -> None:
    labels = random_labels((900, 1400), 50) + 7
    shrunk = shrink_labels(labels)
    assert shrunk.shape == (360, 560)
    np.testing.assert_array_equal(np.unique(shrunk), np.unique(labels))


def test_objects_have_a_colour_each_and_uncertain_pixels_none() -> None:
    objects = np.array([[0, 1, 2], [300, 256, 0]])
    colors = np.asarray(decode(encode_objects(objects)).convert("RGB")).reshape(-1, 3)
    assert [bool(color.any()) for color in colors] == [False, True, True, True, True, False]
    np.testing.assert_array_equal(colors[1], colors[4])  # 255 colours, then they repeat
    assert len({tuple(color) for color in colors[1:4]}) == 3


def test_few_images_are_all_shown_hardest_first() -> None:
    images, counts, rule = choose(table(["m"], ["easy", "fair", "hard"]), 1)
    assert (images, counts) == (["hard", "fair", "easy"], [100, 400])
    assert rule == "All images, those with the lowest mean ASA first."


def test_many_images_are_spread_between_the_ends() -> None:
    names = [f"{number:03}" for number in range(100)]
    images, counts, rule = choose(table(["m"], names, (25, 50, 100, 400, 1000)), 1)
    assert len(images) == 12
    assert (images[0], images[-1]) == ("099", "000")
    assert counts == [25, 50, 100, 400, 1000]
    assert rule.startswith(
        "12 of 100 images: evenly spread from the lowest to the highest mean ASA"
    )


def test_without_ground_truth_regularity_orders_images() -> None:
    images, _, rule = choose(table(["m"], ["a", "b"], asa=None), 1)
    assert images == ["b", "a"]
    assert "GR" in rule


@given(st.integers(1, 600))
def test_the_page_never_carries_more_drawings_than_it_can(series: int) -> None:
    names = [f"{number:03}" for number in range(20)]
    images, counts, _ = choose(table(["m"], names, (25, 50, 100)), series)
    assert images
    assert counts == [25, 50, 100]
    assert len(images) * len(counts) * series <= max(MOST_DRAWINGS, 3 * series)


@pytest.mark.parametrize(
    ("series", "expected"), [(15, (12, 3)), (45, (4, 3)), (60, (3, 3)), (200, (1, 3))]
)
def test_more_methods_mean_fewer_pictures(series: int, expected: tuple[int, int]) -> None:
    names = [f"{number:03}" for number in range(100)]
    images, counts, _ = choose(table(["m"], names, (25, 50, 100)), series)
    assert (len(images), len(counts)) == expected


def test_fifteen_methods_fit_into_fifteen_megabytes() -> None:
    sizes = [len(encode_lines(random_labels((321, 481), count))) for count in (25, 300, 1000)]
    assert 15 * 12 * sum(sizes) < 12e6
