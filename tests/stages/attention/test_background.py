"""Robust background detection on scenes with a known foreground."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import rankdata

from spam_pipe.pipeline.datasets.drawn.dead_leaves import draw_scene
from spam_pipe.stages.attention.background import background_saliency
from spam_pipe.stages.attention.density import object_means
from spam_pipe.stages.attention.saliency import THRESHOLDS
from spam_pipe.stages.colour import rgb_to_lab


def marked_leaf(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A scene with its contrasts halved, on which the largest whole leaf of another lies."""
    image, _ = draw_scene(seed)
    other, regions = draw_scene(seed + 400)
    frame = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    areas = np.bincount(regions.ravel())
    areas[frame] = 0
    leaf = regions == areas.argmax()
    muted = 0.45 * image + 0.55 * image.mean(axis=(0, 1))
    return np.where(leaf[..., None], other, muted).astype(np.uint8), leaf


def area_under_curve(saliency: NDArray[np.float32], foreground: NDArray[np.bool_]) -> float:
    ranks = rankdata(saliency).reshape(saliency.shape)
    n, m = foreground.sum(), (~foreground).sum()
    return float((ranks[foreground].sum() - n * (n + 1) / 2) / (n * m))


def test_a_marked_leaf_stands_out_more_than_the_centre_does() -> None:
    scenes = [marked_leaf(seed) for seed in (1, 3, 4, 5)]
    found, central = [], []
    for image, leaf in scenes:
        height, width = leaf.shape
        found.append(area_under_curve(background_saliency(rgb_to_lab(image)), leaf))
        rows, columns = np.indices(leaf.shape)
        from_center = np.hypot(rows / height - 0.5, columns / width - 0.5)
        central.append(area_under_curve(-from_center.astype(np.float32), leaf))
    assert min(found) > 0.9
    assert np.mean(found) > np.mean(central) + 0.1


def test_a_disc_on_even_ground_is_foreground_and_the_ground_is_not() -> None:
    rows, columns = np.indices((90, 120))
    disc = np.hypot(rows - 50, columns - 45) < 18
    lab = np.where(disc[..., None], [60.0, 40, 20], [50.0, -10, 0]).astype(np.float32)
    means = object_means(background_saliency(lab), disc + 1)
    assert means[1] > THRESHOLDS["background"] > means[0]
    assert means == pytest.approx([0, 1], abs=0.15)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 2), (1, 40), (33, 47)])
def test_one_colour_has_no_foreground(shape: tuple[int, int]) -> None:
    saliency = background_saliency(np.full((*shape, 3), 40, np.float32))
    assert saliency.shape == shape
    assert saliency.dtype == np.float32
    assert not saliency.any()


def test_the_range_is_zero_to_one_on_noise() -> None:
    lab = np.random.default_rng(0).uniform(0, 90, (40, 50, 3)).astype(np.float32)
    saliency = background_saliency(lab)
    assert (saliency.min(), saliency.max()) == (0, 1)
