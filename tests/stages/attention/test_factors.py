"""Clicks, object ids and maps brought to pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spam_pipe.stages.attention.attend import user_attention
from spam_pipe.stages.attention.factors import factor_map
from spam_pipe.stages.attention.user_factors import Click, UserFactors
from spam_pipe.stages.clustering.seeds import share_seeds
from spam_pipe.stages.clustering.spam import spam

FINEST = np.zeros((6, 12), np.uint16)
FINEST[:, :3], FINEST[:, 3:6], FINEST[:, 7:9], FINEST[:, 9:] = 1, 2, 3, 4


def objects_for(count: int) -> NDArray[np.uint16]:
    """Two objects below 10 superpixels, of 1 and 2 and of 3 and 4; else the finest."""
    return np.uint16([0, 1, 1, 2, 2])[FINEST] if count < 10 else FINEST


def painted(wanted: UserFactors, count: int) -> tuple[list[float], str]:
    """Return the factors along a row, which are those of all rows, and the note."""
    factors, note = factor_map(wanted, FINEST, objects_for, count)
    assert (factors == factors[0]).all()
    return factors[0].tolist(), note


def row(*factors: float) -> list[float]:
    """Return the factors along a row, given those of the four finest objects."""
    one, two, three, four = factors
    return [one] * 3 + [two] * 3 + [1.0] + [three] * 2 + [four] * 3


def test_a_click_means_the_object_at_the_number_that_is_made() -> None:
    wanted = UserFactors(clicks=(Click(0, 5, 3.0),))
    assert painted(wanted, 4) == (row(3, 3, 1, 1), "")
    assert painted(wanted, 40) == (row(3, 1, 1, 1), "")


def test_a_click_for_a_number_means_the_object_there() -> None:
    wanted = UserFactors(clicks=(Click(0, 5, 3.0, count=4),))
    assert painted(wanted, 4)[0] == row(3, 3, 1, 1)
    assert painted(wanted, 40)[0] == row(3, 3, 1, 1)


def test_clicks_on_one_object_count_by_their_mean() -> None:
    wanted = UserFactors(clicks=(Click(0, 0, 3.0), Click(4, 1, 1.0), Click(11, 0, 0.5)))
    assert painted(wanted, 4)[0] == row(2, 2, 0.5, 0.5)
    assert painted(wanted, 40)[0] == row(3, 1, 1, 0.5)


def test_a_click_on_an_uncertain_pixel_goes_to_the_nearest_object_and_says_so() -> None:
    one = UserFactors(clicks=(Click(6, 2, 4.0, count=40),))
    note = "attention: a click on an uncertain pixel went to the nearest object"
    factors, said = painted(one, 4)
    assert said == note
    assert factors in (row(1, 4, 1, 1), row(1, 1, 4, 1))  # both are one pixel away
    two = UserFactors(clicks=(Click(6, 2, 4.0), Click(6, 3, 4.0)))
    assert "2 clicks on uncertain pixels" in painted(two, 4)[1]


def test_finer_says_more_than_coarser_and_an_object_id_most() -> None:
    wanted = UserFactors(
        clicks=(Click(0, 0, 5.0, count=40), Click(0, 0, 3.0, count=4)),
        objects=((2, 7.0),),
        pixels=np.full(FINEST.shape, 2.0),
    )
    factors, _ = factor_map(wanted, FINEST, objects_for, 4)
    assert factors[0].tolist() == [5.0] * 3 + [7.0] * 3 + [2.0] * 6


def test_a_merged_object_s_factor_is_the_mean_of_its_parts_by_area() -> None:
    attend = user_attention(UserFactors(objects=((3, 6.0),)), FINEST, objects_for)
    density, note = attend(objects_for(4), 4)
    assert note == ""
    assert density is not None
    merged = (6 * 2 + 1 * 3) / 5
    assert density / density[0] == pytest.approx([1, merged])


def test_uncertain_pixels_that_a_cut_gives_to_an_object_have_no_say() -> None:
    joined = np.where(FINEST == 0, 1, np.uint16([0, 1, 1, 2, 2])[FINEST])
    pixels = np.where(FINEST == 0, 100.0, 2.0)
    density, _ = user_attention(UserFactors(pixels=pixels), FINEST, objects_for)(joined, 4)
    assert density is None


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (UserFactors(clicks=(Click(12, 0, 2.0),)), "x = 12, y = 0 lies outside .* 12 wide and 6"),
        (UserFactors(clicks=(Click(0, 6, 2.0),)), "y = 6 lies outside"),
        (UserFactors(clicks=(Click(0, 0, 2.0), Click(-1, 0, 2.0))), "x = -1"),
        (UserFactors(objects=((5, 2.0),)), "no object 5: its finest ones are 1 to 4"),
        (UserFactors(objects=((0, 2.0),)), "no object 0"),
        (UserFactors(pixels=np.ones((12, 6))), "the map of factors is 12×6 but the image is 6×12"),
    ],
)
def test_what_does_not_fit_the_image_is_named(wanted: UserFactors, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        factor_map(wanted, FINEST, objects_for, 4)


@given(
    st.lists(st.floats(0.05, 20), min_size=4, max_size=4),
    st.integers(8, 60),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
def test_factors_are_honoured_within_one_superpixel(
    factors: list[float], count: int, seed: int
) -> None:
    objects = np.repeat(np.repeat(np.uint16([[1, 2], [3, 4]]), 17, axis=0), [11, 29], axis=1)
    wanted = UserFactors(objects=tuple(enumerate(factors, start=1)))
    density, _ = user_attention(wanted, objects, lambda _: objects)(objects, count)
    lab = np.random.default_rng(seed).uniform(0, 60, (*objects.shape, 3)).astype(np.float32)
    labels = spam(lab, count, objects=objects, density=density)
    assert labels.max() + 1 == count
    areas = np.bincount(objects.ravel())[1:]
    ideal = count * areas * factors / (areas * factors).sum()
    made = np.array([np.unique(labels[objects == i]).size for i in range(1, 5)])
    # Where an ideal share is below one, the object's one superpixel is taken from the others.
    if ideal.min() >= 1 and density is not None:
        assert np.abs(made - ideal).max() < 1
    if density is not None:
        assert made.tolist() == share_seeds(areas, count, np.array(factors)).tolist()
