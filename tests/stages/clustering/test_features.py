import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.color import rgb2lab

from spam_pipe.stages.clustering.features import position_scale, scaled_features
from spam_pipe.stages.colour import rgb_to_lab, smooth_lab


def test_lab_equals_scikit_image_on_every_grey_and_many_colours() -> None:
    codes = np.arange(256)
    greys = np.repeat(codes[:, None], 3, axis=1)
    cube = np.stack(np.meshgrid(*[codes[::5]] * 3), axis=-1).reshape(-1, 3)
    image = np.concatenate([greys, cube])[None].astype(np.uint8)
    assert np.abs(rgb_to_lab(image) - rgb2lab(image)).max() < 1e-3


@pytest.mark.parametrize(
    "image", [np.zeros((3, 3), np.uint8), np.zeros((3, 3, 4), np.uint8), np.zeros((3, 3, 3))]
)
def test_lab_of_what_is_no_image_says_what_it_is(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"convert it to 8-bit RGB"):
        rgb_to_lab(image)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.1, 6))
@settings(max_examples=50, deadline=None)
def test_smoothing_is_the_gaussian_of_scipy(height: int, width: int, deviation: float) -> None:
    lab = np.random.default_rng(0).uniform(-100, 100, (height, width, 3)).astype(np.float32)
    expected = ndimage.gaussian_filter(lab, (deviation, deviation, 0), mode="nearest", truncate=4)
    assert np.abs(smooth_lab(lab, deviation) - expected).max() < 2e-3


def test_no_smoothing_is_the_image_itself() -> None:
    lab = np.ones((4, 5, 3), np.float32)
    assert smooth_lab(lab, 0.0) is lab


def test_positions_are_scaled_by_the_smaller_side() -> None:
    assert position_scale((100, 50), 110, 7.5) == pytest.approx(7.5 * 10 / 50)


def test_features_are_deep_then_colour_then_position() -> None:
    rng = np.random.default_rng(1)
    lab = rng.uniform(-50, 50, (4, 6, 3)).astype(np.float32)
    deep = rng.normal(size=(4, 6, 2)).astype(np.float32)
    features = scaled_features(lab, 9, deep=deep, color_weight=0.5, compactness=4.0)
    rows, columns = np.indices((4, 6))
    position = 4.0 * 3 / 4 * np.stack([rows, columns], axis=-1)
    expected = np.concatenate([deep, 0.5 * lab, position], axis=-1).reshape(24, 7)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, rtol=1e-6)


def test_deep_features_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2\).*\(3, 3\)"):
        scaled_features(np.zeros((3, 3, 3), np.float32), 1, deep=np.zeros((2, 2, 1), np.float32))
