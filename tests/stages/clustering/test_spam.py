"""What holds for every image, prior and count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from spam_pipe.stages.clustering.spam import spam
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.regions.objects import largest_objects
from spam_pipe.stages.sharing import at_most
from tests.stages.clustering.segment_strategies import lab_image, scenes


def pieces(label_map: NDArray[np.integer], labels: NDArray[np.integer]) -> int:
    """4-connected components of the given labels, in all."""
    return sum(ndimage.label(label_map == label)[1] for label in labels)


def check(
    labels: NDArray[np.integer], objects: NDArray[np.integer] | None, count: int, exact: bool
) -> None:
    n = int(labels.max()) + 1
    assert labels.dtype == np.int32
    assert np.array_equal(np.unique(labels), np.arange(n))
    assert pieces(labels, np.arange(n)) == n
    wanted = min(count, labels.size)
    n_pieces = 1
    if objects is not None and objects.any():
        if np.unique(objects[objects > 0]).size > wanted:
            objects, _ = largest_objects(objects, wanted)
        present = np.unique(objects[objects > 0])
        certain = objects > 0
        pairs = np.unique(np.stack([labels[certain], objects[certain]]), axis=1)
        assert np.unique(pairs[0]).size == pairs.shape[1]
        n_pieces = pieces(objects, present)
    if exact and n_pieces <= wanted:
        assert n == wanted
    if exact and n_pieces > wanted:
        assert wanted <= n <= n_pieces


@given(scenes(), st.integers(1, 3))
@settings(max_examples=300, deadline=None)
def test_default_mode(
    scene: tuple[NDArray[np.float32], NDArray[np.uint16] | None, int], iterations: int
) -> None:
    lab, objects, count = scene
    labels = spam(lab, count, objects=objects, config=SegmentConfig(iterations=iterations))
    check(labels, objects, count, exact=True)


@given(scenes())
@settings(max_examples=150, deadline=None)
def test_paper_mode(
    scene: tuple[NDArray[np.float32], NDArray[np.uint16] | None, int],
) -> None:
    lab, objects, count = scene
    labels = spam(lab, count, objects=objects, config=SegmentConfig(mode="paper"))
    check(labels, objects, count, exact=False)


@given(scenes(), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_with_density_contours_and_deep_features(
    scene: tuple[NDArray[np.float32], NDArray[np.uint16] | None, int], seed: int
) -> None:
    lab, objects, count = scene
    rng = np.random.default_rng(seed)
    n_objects = 0 if objects is None else int(objects.max())
    labels = spam(
        lab,
        count,
        objects=objects,
        density=rng.uniform(0.2, 5, n_objects),
        contour=rng.random(lab.shape[:2], np.float32),
        deep=rng.normal(size=(*lab.shape[:2], rng.integers(1, 9))).astype(np.float32),
    )
    check(labels, objects, count, exact=True)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1)])
def test_as_many_as_pixels_is_the_pixels_themselves(size: tuple[int, int]) -> None:
    lab = np.zeros((*size, 3), np.float32)
    for count in (size[0] * size[1], 1000):
        assert np.array_equal(spam(lab, count).ravel(), np.arange(size[0] * size[1]))


@pytest.mark.parametrize("mode", ["refined", "paper"])
def test_any_number_of_threads_gives_the_same_labels(mode: str) -> None:
    rng = np.random.default_rng(1)
    lab = lab_image(rng, 130, 170)
    objects = np.zeros((130, 170), np.uint16)
    objects[:, :80], objects[:, 83:] = 1, 2
    contour = rng.random((130, 170), np.float32)
    results = []
    for n in (1, 2, 3):
        with at_most(n):
            labels = spam(
                lab, 60, objects=objects, contour=contour, config=SegmentConfig(mode=mode)
            )
            results.append(labels.tobytes())
    assert results[0] == results[1] == results[2]


def test_random_seeds_differ_from_image_to_image() -> None:
    dark, light = (np.full((40, 40, 3), lightness, np.float32) for lightness in (10, 90))
    paper = SegmentConfig(mode="paper")
    assert np.array_equal(spam(dark, 20, config=paper), spam(dark, 20, config=paper))
    assert not np.array_equal(spam(dark, 20, config=paper), spam(light, 20, config=paper))
    other = SegmentConfig(mode="paper", seed=1)
    assert not np.array_equal(spam(dark, 20, config=paper), spam(dark, 20, config=other))
