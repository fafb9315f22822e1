"""Shares of the superpixels by attention: the total stays, the background keeps its fifth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spam_pipe.stages.attention.density import object_means, user_density, visual_density
from spam_pipe.stages.clustering.seeds import share_seeds

Map = NDArray[np.float64]


@st.composite
def objects_and_values(draw: st.DrawFn) -> tuple[NDArray[np.int64], Map]:
    """Objects 1..n of any areas, some pixels uncertain, and a value in 0..1 for each pixel."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 12))
    objects = np.concatenate(
        [np.arange(1, n + 1), rng.integers(0, n + 1, draw(st.integers(0, 90)))]
    )
    return objects[None], rng.random(n + 1)[objects][None]


@given(objects_and_values(), st.floats(1, 20), st.floats(0, 1))
def test_visual_density_keeps_the_total_and_a_fifth_of_the_background(
    given_: tuple[NDArray[np.int64], Map], ratio: float, threshold: float
) -> None:
    objects, saliency = given_
    density = visual_density(saliency, objects, ratio, threshold)
    salient = object_means(saliency, objects) > threshold
    areas = np.bincount(objects.ravel())[1:]
    if density is None:
        assert salient.all() or not salient.any() or ratio == 1
        return
    assert density @ areas == pytest.approx(areas.sum())
    (foreground,), (background,) = np.unique(density[salient]), np.unique(density[~salient])
    assert background >= 0.2 - 1e-12
    # The foreground gets its ratio, or all but the fifth.
    assert foreground == pytest.approx(ratio) or background == pytest.approx(0.2)
    assert foreground <= ratio * (1 + 1e-12)
    n_seeds = int(areas.sum()) // 2
    if n_seeds >= areas.size:
        assert share_seeds(areas, n_seeds, density).sum() == n_seeds


def test_visual_density_by_hand() -> None:
    objects = np.repeat([1, 2, 3, 0], [10, 20, 70, 5])[None]
    saliency = np.choose(objects, [1.0, 0.9, 0.2, 0.1])
    density = visual_density(saliency, objects, 2.5, 0.5)
    assert density is not None
    assert density == pytest.approx([2.5, 0.75 / 0.9, 0.75 / 0.9])
    capped = visual_density(saliency, objects, 2.5, 0.15)
    assert capped is not None
    assert capped == pytest.approx([2.5, 2.5, 0.25 / 0.7])
    capped = visual_density(saliency, objects, 20, 0.15)
    assert capped is not None
    assert capped == pytest.approx([0.86 / 0.3, 0.86 / 0.3, 0.2])


def test_an_object_at_the_threshold_is_background() -> None:
    objects = np.array([[1, 2]])
    assert visual_density(np.array([[0.5, 0.2]]), objects, 2.5, 0.5) is None


@given(objects_and_values(), st.floats(0.01, 100))
def test_user_density_multiplies_shares_and_keeps_the_total(
    given_: tuple[NDArray[np.int64], Map], scale: float
) -> None:
    objects, values = given_
    factors = 0.1 + scale * values
    means, areas = object_means(factors, objects), np.bincount(objects.ravel())[1:]
    density = user_density(factors, objects)
    if density is None:
        assert np.ptp(means) <= 1e-9 * means.max()
        return
    assert density @ areas == pytest.approx(areas.sum())
    assert density / density[0] == pytest.approx(means / means[0])


@pytest.mark.parametrize("factor", [1.0, 0.3, 1000.0])
def test_equal_factors_change_nothing(factor: float) -> None:
    objects = np.repeat([1, 2, 3, 0], [11, 7, 3, 2])[None]
    assert user_density(np.full(objects.shape, factor), objects) is None


def test_a_merged_object_has_the_mean_factor_by_area() -> None:
    objects = np.repeat([1, 2], [40, 60])[None]
    factors = np.repeat([4.0, 1.0, 1.0], [10, 30, 60])[None]
    assert object_means(factors, objects).tolist() == [1.75, 1.0]
    density = user_density(factors, objects)
    assert density is not None
    assert density == pytest.approx(np.array([1.75, 1.0]) / 1.3)
