"""Metrics of images with regions that hold no data: those of the rest alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from spam_pipe.stages.base import Inputs, Output
from spam_pipe.stages.evaluate.config import EvaluateConfig
from spam_pipe.stages.evaluate.evaluate import evaluate
from spam_pipe.stages.evaluate.regions import regions_of
from spam_pipe.stages.evaluate.stage import EvaluateStage
from spam_pipe.stages.segment.stored import labels_of, stored_labels, valid_of


def scene(
    seed: int, height: int, width: int
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint32]]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, (height, width)).astype(np.int32)
    if seed % 2:
        labels = ndimage.median_filter(labels, 5)
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    return labels, image, rng.integers(0, 3, (height, width)).astype(np.uint32)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=80, deadline=None)
def test_an_image_in_a_frame_without_data_measures_as_it_does_alone(
    seed: int, height: int, width: int
) -> None:
    labels, image, truth = scene(seed, height, width)
    rng = np.random.default_rng(seed)
    around = [(int(low), int(high)) for low, high in rng.integers(0, 4, (2, 2))]
    valid = np.pad(np.ones(labels.shape, np.bool_), around)

    def framed(array: NDArray[np.generic]) -> NDArray[np.generic]:
        noise = rng.integers(0, 9, (*valid.shape, *array.shape[2:])).astype(array.dtype)
        noise[valid] = array.reshape(-1, *array.shape[2:])
        return noise

    alone = evaluate(labels, image, (truth,), 0)
    assert evaluate(framed(labels), framed(image), (framed(truth),), 0, valid) == pytest.approx(
        alone, nan_ok=True, abs=1e-12
    )


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_areas_overlaps_and_boundaries_of_any_mask(seed: int) -> None:
    labels, image, truth = scene(seed, 9, 11)
    valid = np.random.default_rng(seed).random(labels.shape) < 0.6
    valid[4, 5] = True
    figures = evaluate(labels, image, (truth,), 0.1, valid)
    pixels = np.flatnonzero(valid)
    table = np.zeros((4, 3), int)
    np.add.at(table, (labels.ravel()[pixels], truth.ravel()[pixels]), 1)
    assert figures["asa"] == pytest.approx(table.max(axis=1).sum() / pixels.size)
    assert sorted(regions_of(labels, valid).areas) == sorted(a for a in table.sum(axis=1) if a)

    def on_boundary(names: NDArray[np.integer]) -> NDArray[np.bool_]:
        named = np.pad(np.where(valid, names.astype(int), -1), 1, constant_values=-1)
        center = named[1:-1, 1:-1]
        others = (named[:-2, 1:-1], named[2:, 1:-1], named[1:-1, :-2], named[1:-1, 2:])
        return np.any([(o != center) & (o >= 0) & (center >= 0) for o in others], axis=0)

    ours, theirs = on_boundary(labels), on_boundary(truth)
    assert figures["contour_density"] == pytest.approx(ours.sum() / pixels.size)
    near = ndimage.binary_dilation(ours, np.ones((3, 3)))
    assert figures["boundary_recall"] == pytest.approx((theirs & near).sum() / max(1, theirs.sum()))


def test_explained_variation_is_of_the_valid_pixels() -> None:
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, 2:] = [200, 10, 30]
    labels = np.array([[0, 0, 1, 1], [0, 0, 1, 1]])
    valid = image[..., 0] == 0
    assert evaluate(labels, image)["explained_variation"] == 1
    assert evaluate(labels, image, valid=valid)["explained_variation"] is None
    image[0, 0] = 9
    assert evaluate(labels, image, valid=valid)["explained_variation"] == 0


def test_the_stage_measures_where_there_are_superpixels() -> None:
    labels, image, truth = scene(7, 8, 9)
    valid = np.random.default_rng(1).random(labels.shape) < 0.7
    names, numbered = np.unique(labels[valid], return_inverse=True)
    made = np.full(labels.shape, -1, np.int32)
    made[valid] = numbered
    stored, kind = stored_labels(made)
    inputs = Inputs(
        image=image,
        annotations=(truth,),
        upstream={"segment": {4: Output({"labels": stored}, kind)}},
    )
    (output,) = EvaluateStage().run(inputs, EvaluateConfig(), None, [4])
    metrics = dict(output.attributes["metrics"])
    assert metrics.pop("delta_k") is not None
    assert metrics == evaluate(labels, image, (truth,), valid=valid)
    assert output.attributes["n_superpixels"] == names.size


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("n", [3, 65535, 65536])
def test_labels_are_read_as_they_were_stored(n: int, outside: bool) -> None:
    labels = np.arange(n, dtype=np.int32).reshape(1, n)
    if outside:
        labels = np.insert(labels, 1, -1, axis=1)
    stored, attributes = stored_labels(labels)
    assert stored.dtype == (np.uint16 if n + outside <= 65535 else np.uint32)
    assert attributes == ({"start_label": 1} if outside else {})
    assert np.array_equal(labels_of(Output({"labels": stored}, attributes)), labels)
    valid = valid_of(Output({"labels": stored}, attributes))
    if outside:
        assert np.array_equal(valid, labels >= 0)
    else:
        assert valid is None


def test_a_mask_without_a_pixel() -> None:
    labels, image, _ = scene(1, 4, 4)
    with pytest.raises(ValueError, match="leaves no pixel"):
        evaluate(labels, image, valid=np.zeros((4, 4), np.bool_))
