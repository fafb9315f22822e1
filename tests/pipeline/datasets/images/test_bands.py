"""Samples of any kind become a picture: bands, range, pixels without data."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.images.bands import Reading, Samples, to_picture
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Picture

HERE = Path("a.tif")
RAMP = np.arange(101).reshape(1, 101, 1)


def picture(values: NDArray[np.generic], reading: Reading | None = None, **said: object) -> Picture:
    return to_picture(Samples(values, **said), reading or Reading(), HERE)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.int32, np.uint32, np.float32, np.float64])
def test_deep_samples_are_stretched_between_percentiles(kind: type[np.generic]) -> None:
    made = picture(RAMP.astype(kind))
    assert made.facts["limits"] == [[2.0, 98.0]]
    assert made.facts["percentiles"] == [2.0, 98.0]
    assert made.facts["samples"] == np.dtype(kind).name
    expected = np.rint(np.clip((np.arange(101) - 2) / 96, 0, 1) * 255)
    np.testing.assert_array_equal(made.pixels[0, :, 1], expected)


def test_eight_bits_stay_as_they_are_unless_a_stretch_is_asked_for() -> None:
    values = RAMP.astype(np.uint8)
    assert picture(values).facts == {}
    np.testing.assert_array_equal(picture(values).pixels[..., 0], values[..., 0])
    stretched = picture(values, Reading(stretch=(0, 100))).pixels
    assert (stretched.min(), stretched.max()) == (0, 255)


def test_a_photograph_keeps_the_high_byte_until_bands_are_asked_for() -> None:
    values = (RAMP * 600).astype(np.uint16)
    seen = picture(values, photograph=True)
    np.testing.assert_array_equal(seen.pixels[..., 2], values[..., 0] >> 8)
    assert seen.facts == {}
    assert "limits" in picture(values, Reading(bands=(1,)), photograph=True).facts


def test_bands_are_chosen_and_recorded() -> None:
    values = np.dstack([np.full((2, 2), value, np.uint8) for value in (10, 20, 30, 40)])
    made = picture(values, Reading(bands=(4, 1, 2)))
    assert made.pixels[0, 0].tolist() == [40, 10, 20]
    assert made.facts == {"bands": [4, 1, 2], "n_bands": 4}
    assert picture(values, Reading(bands=(3,))).pixels[0, 0].tolist() == [30, 30, 30]
    assert picture(values, named=(1, 2, 3)).pixels[0, 0].tolist() == [10, 20, 30]


def test_bands_that_nobody_chose_or_that_are_not_there() -> None:
    values = np.zeros((2, 2, 4), np.uint8)
    with pytest.raises(DataError, match=r"a\.tif: has 4 bands; say which .* --bands 3,2,1"):
        picture(values)
    with pytest.raises(DataError, match=r"a\.tif: has 4 bands, --bands 7,2,1 asks for band 7"):
        picture(values, Reading(bands=(7, 2, 1)))
    with pytest.raises(DataError, match="has one band, --bands 2 asks for band 2"):
        picture(values[..., :1], Reading(bands=(2,)))
    with pytest.raises(DataError, match="holds complex64 samples"):
        picture(values.astype(np.complex64))


def test_nodata_is_what_all_chosen_bands_hold() -> None:
    values = np.array([[[0, 0, 0], [0, 5, 9]]], np.uint8)
    made = picture(values, nodata=0.0)
    assert made.valid is not None
    assert made.valid.tolist() == [[False, True]]
    assert made.pixels.tolist() == [[[255, 255, 255], [0, 5, 9]]]
    assert picture(values, nodata=7.0).valid is None


def test_nan_in_any_band_is_no_data_and_leaves_the_limits_alone() -> None:
    values = RAMP.astype(np.float32)
    values = np.dstack([values[..., 0]] * 3)
    holed = np.concatenate([values, values], axis=0)
    holed[1, :, 1] = np.nan
    holed[1, 3, 0] = np.inf
    made = picture(holed)
    assert made.valid is not None
    assert made.valid.tolist() == [[True] * 101, [False] * 101]
    assert made.facts["limits"] == [[2.0, 98.0]] * 3
    assert (made.pixels[1] == 255).all()


def test_floats_of_a_photograph_range_from_0_to_1() -> None:
    values = np.array([[[0.0], [0.5], [np.nan]]])
    made = picture(values, photograph=True)
    assert made.pixels[0, :, 0].tolist() == [0, 128, 255]
    assert made.valid is not None
    assert made.valid.tolist() == [[True, True, False]]
    assert "limits" in picture(values * 300, photograph=True).facts


def test_stated_limits_are_used_unless_percentiles_are_asked_for() -> None:
    values = RAMP.astype(np.int16)
    made = picture(values, limits=(0.0, 50.0))
    assert made.pixels[0, [0, 25, 50, 100], 0].tolist() == [0, 128, 255, 255]
    assert made.facts == {"samples": "int16", "limits": [[0.0, 50.0]]}
    asked = picture(values, Reading(stretch=(0, 100)), limits=(0.0, 50.0))
    assert asked.facts["limits"] == [[0.0, 100.0]]


@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.int32, np.uint16, np.int8]),
        arrays.array_shapes(min_dims=3, max_dims=3, max_side=5).filter(lambda s: s[2] in (1, 3)),
    ),
    st.booleans(),
)
def test_whatever_the_samples_there_is_a_picture(
    values: NDArray[np.generic], photograph: bool
) -> None:
    made = picture(values, photograph=photograph)
    assert made.pixels.shape == (*values.shape[:2], 3)
    assert made.pixels.dtype == np.uint8
    finite = np.isfinite(values).all(axis=2)
    valid = np.ones(values.shape[:2], bool) if made.valid is None else made.valid
    np.testing.assert_array_equal(valid, finite)
    assert made.valid is None or not made.valid.all()
