"""Images with regions that hold no data: no superpixel there, and none that sees what is there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from spam_pipe.stages.clustering.spam import lay_out, spam, spam_batch
from spam_pipe.stages.methods.config import SegmentConfig
from tests.stages.clustering.segment_strategies import lab_image, scenes
from tests.stages.clustering.test_spam import pieces

Scene = tuple[NDArray[np.float32], NDArray[np.uint16] | None, int]


def some_valid(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Noise, blobs or a border strip; one pixel at least."""
    kind = rng.integers(3)
    if kind == 0:
        valid = rng.random(shape) < rng.choice([0.1, 0.5, 0.9])
    elif kind == 1:
        valid = ndimage.gaussian_filter(rng.random(shape), 2) > 0.5
    else:
        valid = np.zeros(shape, np.bool_)
        valid[shape[0] // 3 :, : 1 + shape[1] // 2] = True
    valid[rng.integers(shape[0]), rng.integers(shape[1])] = True
    return valid


@pytest.mark.parametrize(
    ("mode", "backend"), [("refined", "numba"), ("paper", "numba"), ("refined", "torch")]
)
@given(scene=scenes(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_superpixels_are_of_valid_pixels_alone(
    mode: str, backend: str, scene: Scene, seed: int
) -> None:
    lab, objects, count = scene
    rng = np.random.default_rng(seed)
    valid = some_valid(rng, lab.shape[:2])
    config = SegmentConfig.model_validate({"mode": mode, "backend": backend, "iterations": 3})
    labels = spam(lab, count, objects=objects, valid=valid, config=config)
    assert labels.dtype == np.int32
    assert np.array_equal(labels >= 0, valid)
    n = int(labels.max()) + 1
    assert np.array_equal(np.unique(labels[valid]), np.arange(n))
    assert pieces(labels, np.arange(n)) == n
    wanted = min(count, int(valid.sum()))
    if objects is None and mode == "refined":
        assert n == max(wanted, ndimage.label(valid)[1])
    if objects is not None and np.unique(objects[valid & (objects > 0)]).size <= wanted:
        certain = valid & (objects > 0)
        pairs = np.unique(np.stack([labels[certain], objects[certain]]), axis=1)
        assert np.unique(pairs[0]).size == pairs.shape[1]


@given(scene=scenes(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_what_is_outside_and_how_much_of_it_decides_nothing(scene: Scene, seed: int) -> None:
    lab, objects, count = scene
    rng = np.random.default_rng(seed)
    valid = some_valid(rng, lab.shape[:2])
    labels = spam(lab, count, objects=objects, valid=valid)

    other = np.where(valid[..., None], lab, np.float32(np.nan))
    others = None if objects is None else np.where(valid, objects, 7)
    assert np.array_equal(spam(other, count, objects=others, valid=valid), labels)

    around = ((3, 0), (1, 5))
    wider = spam(
        np.pad(lab, (*around, (0, 0))),
        count,
        objects=None if objects is None else np.pad(objects, around),
        valid=np.pad(valid, around),
    )
    assert np.array_equal(wider[3:, 1 : 1 + lab.shape[1]], labels)
    assert (wider >= 0).sum() == valid.sum()


@given(scene=scenes())
@settings(max_examples=30, deadline=None)
def test_a_mask_that_leaves_nothing_out_changes_nothing(scene: Scene) -> None:
    lab, objects, count = scene
    everywhere = np.ones(lab.shape[:2], np.bool_)
    assert np.array_equal(
        spam(lab, count, objects=objects, valid=everywhere), spam(lab, count, objects=objects)
    )


@pytest.mark.parametrize("mode", ["refined", "paper"])
def test_both_back_ends_agree(mode: str) -> None:
    rng = np.random.default_rng(5)
    lab = ndimage.gaussian_filter(rng.uniform(0, 100, (70, 90, 3)), (3, 3, 0)).astype(np.float32)
    objects = np.repeat(np.arange(1, 4), 30)[None].repeat(70, axis=0)
    objects[30:34] = 0
    valid = ndimage.gaussian_filter(rng.random((70, 90)), 6) > 0.495
    maps = {
        "deep": rng.normal(size=(70, 90, 4)).astype(np.float32),
        "contour": rng.random((70, 90), np.float32),
        "objects": objects,
        "valid": valid,
        "density": np.array([2.0, 1.0, 0.5]),
    }
    numba, torch = (
        spam(lab, 40, config=SegmentConfig.model_validate({"mode": mode, "backend": each}), **maps)
        for each in ("numba", "torch")
    )
    assert np.mean(numba != torch) < 0.01
    assert numba.max() == torch.max()


def test_a_batch_of_images_with_and_without_a_mask() -> None:
    rng = np.random.default_rng(2)
    config = SegmentConfig(backend="torch")
    images = [lab_image(rng, 30, 40), lab_image(rng, 25, 31)]
    masks = [None, rng.random((25, 31)) < 0.7]
    tasks = [
        lay_out(lab, 9, valid=valid, config=config)
        for lab, valid in zip(images, masks, strict=True)
    ]
    together = [*spam_batch(tasks, config=config)]
    for lab, valid, labels in zip(images, masks, together, strict=True):
        assert np.array_equal(labels, spam(lab, 9, valid=valid, config=config))


def test_superpixels_are_as_large_as_their_share_of_the_valid_area() -> None:
    lab = np.full((60, 120, 3), 50, np.float32)
    valid = np.zeros((60, 120), np.bool_)
    valid[:, :60] = True
    labels = spam(lab, 16, valid=valid)
    assert np.array_equal(labels[:, :60], spam(lab[:, :60], 16))
    assert spam(lab, 10**6, valid=valid).max() == 60 * 60 - 1


@pytest.mark.parametrize(
    ("valid", "message"),
    [
        (np.zeros((6, 7), np.bool_), "the mask leaves no pixel"),
        (np.ones((7, 6), np.bool_), r"\(7, 6\) bool where the image is \(6, 7\)"),
        (np.ones((6, 7), np.uint8), "uint8"),
    ],
)
def test_masks_that_do_not_fit(valid: NDArray[np.bool_], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spam(np.zeros((6, 7, 3), np.float32), 3, valid=valid)
