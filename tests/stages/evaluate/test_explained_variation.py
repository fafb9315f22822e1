"""Explained variation of an image's colours."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from spam_pipe.stages.evaluate.explained_variation import explained_variation, total_variation
from spam_pipe.stages.evaluate.regions import regions_of
from tests.stages.evaluate.label_maps import Labels, label_maps, shapes

Image = NDArray[np.uint8]


def labelled_images() -> st.SearchStrategy[tuple[Labels, Image]]:
    return shapes.flatmap(
        lambda shape: st.tuples(label_maps(shape), hnp.arrays(np.uint8, (*shape, 3)))
    )


def figures(labels: Labels, image: Image) -> tuple[float, float]:
    return explained_variation(regions_of(labels), image, total_variation(image))


@given(labelled_images())
def test_figures_follow_the_definition(case: tuple[Labels, Image]) -> None:
    labels, image = case
    assume((image != image[0, 0]).any())
    total = float(((image - image.mean(axis=(0, 1))) ** 2).sum())
    within = unbiased = 0.0
    for name in np.unique(labels):
        colors = image[labels == name].astype(float)
        squares = float(((colors - colors.mean(axis=0)) ** 2).sum())
        within += squares
        unbiased += len(colors) * squares / (len(colors) - 1) if len(colors) > 1 else 0
    assert total_variation(image) == pytest.approx(total, rel=1e-12)
    plain, giraud = figures(labels, image)
    assert plain == pytest.approx(1 - within / total, abs=1e-12)
    size = labels.size
    assert giraud == pytest.approx(1 - unbiased / (size * total / (size - 1)), abs=1e-12)
    assert -1e-12 <= plain <= 1


def test_superpixels_of_one_colour_explain_everything() -> None:
    labels = np.array([[0, 0, 1], [2, 1, 1]])
    colors = np.array([[255, 1, 7], [3, 254, 99], [0, 0, 1]], np.uint8)
    assert figures(labels, colors[labels]) == (1.0, 1.0)


def test_one_superpixel_explains_nothing() -> None:
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    assert figures(np.zeros((4, 5), np.int32), image) == (0.0, 0.0)


@pytest.mark.parametrize("shape", [(1, 1), (3, 7)])
def test_an_image_of_one_colour_has_no_variation(shape: tuple[int, int]) -> None:
    image = np.broadcast_to(np.array([1, 2, 3], np.uint8), (*shape, 3))
    assert math.isnan(total_variation(image))


def test_large_areas_do_not_overflow() -> None:
    image = np.full((3000, 3000, 3), 255, np.uint8)
    image[:1500] = 254
    labels = np.zeros((3000, 3000), np.uint8)
    assert total_variation(image) == 3 * 9e6 / 4
    assert figures(labels, image) == (0.0, 0.0)
