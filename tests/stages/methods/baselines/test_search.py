"""The knob's search: what it finds, how often it runs the method, what it says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spam_pipe.stages.methods.baselines.numbering import number_labels
from spam_pipe.stages.methods.baselines.search import Knob, search_count


def strips(n: float) -> np.ndarray:
    """A map of so many labels, at least one and at most a thousand."""
    return np.arange(1000).reshape(1, -1) * max(1, min(1000, int(n))) // 1000


@given(
    scale=st.floats(0.2, 5),
    power=st.sampled_from([1.0, 0.7, 1.4]),
    wanted=st.integers(5, 500),
)
def test_a_smooth_method_is_brought_within_two_percent_or_one(
    scale: float, power: float, wanted: int
) -> None:
    made = search_count(
        lambda setting: strips(scale * setting**power),
        Knob("n_segments", wanted, 0.01, 1e6, power=1),
        wanted,
    )
    n = int(made.labels.max()) + 1
    assert abs(n - wanted) <= max(1, 0.05 * wanted)
    assert made.attributes["knob_trials"] <= 12


@given(wanted=st.integers(5, 500), start=st.floats(1, 1e5))
def test_a_falling_count_is_found_from_any_start(wanted: int, start: float) -> None:
    made = search_count(
        lambda setting: strips(3e4 / setting), Knob("scale", start, 1e-3, 1e7, power=-1), wanted
    )
    assert abs(int(made.labels.max()) + 1 - wanted) <= max(1, 0.05 * wanted)


def test_a_method_that_makes_what_it_is_asked_for_runs_once() -> None:
    made = search_count(strips, Knob("n_segments", 40, 1, 1000, power=1, whole=True), 40)
    assert made.attributes == {"knob": "n_segments", "knob_value": 40, "knob_trials": 1}
    assert np.array_equal(made.labels, strips(40))


def test_a_quarter_fewer_than_asked_takes_two_trials() -> None:
    made = search_count(
        lambda n: strips(0.75 * n), Knob("n_segments", 300, 1, 1000, power=1, whole=True), 300
    )
    assert made.attributes == {"knob": "n_segments", "knob_value": 400, "knob_trials": 2}


def test_between_two_steps_the_nearer_is_taken_and_noted() -> None:
    steps = {True: 80, False: 130}
    made = search_count(
        lambda n: strips(steps[n < 57]), Knob("size", 10, 1, 1000, power=1, whole=True), 100
    )
    assert made.labels.max() + 1 == 80
    assert made.attributes["knob_value"] == 10
    assert made.attributes["note"] == (
        "80 superpixels where 100 were asked for: the nearest found, with size = 10"
    )


def test_whole_knobs_are_only_given_whole_settings_each_once() -> None:
    seen: list[float] = []

    def segment(size: float) -> np.ndarray:
        seen.append(size)
        return strips(math.floor(2000 / size**2))

    search_count(segment, Knob("region_size", 6, 2, 40, power=-2, whole=True), 23)
    assert all(size == int(size) for size in seen)
    assert len(seen) == len(set(seen))
    # floor(2000 / 9^2) = 24 lies within 5 %, floor(2000 / 10^2) = 20 does not.
    assert min(seen, key=lambda size: abs(2000 // size**2 - 23)) == 9


def test_a_count_that_no_setting_reaches_ends_the_search_at_the_bound() -> None:
    made = search_count(lambda _: strips(7), Knob("max_dist", 10, 0.1, 1e4, power=-1), 100)
    assert made.labels.max() + 1 == 7
    assert made.attributes["knob_trials"] < 12
    assert made.attributes["note"].startswith("7 superpixels where 100")


def test_labels_are_numbered_in_their_order() -> None:
    labels, n = number_labels(np.array([[7, -3], [300, 7]]))
    assert labels.tolist() == [[1, 0], [2, 1]]
    assert (n, labels.dtype) == (3, np.int32)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint32, np.int64, bool])
def test_labels_of_any_integers_can_be_numbered(dtype: type) -> None:
    assert number_labels(np.array([[1, 0]]).astype(dtype))[0].tolist() == [[1, 0]]


@pytest.mark.parametrize("limit", [3, 30, 400])
def test_a_setting_beyond_the_method_ends_the_search_with_what_was_found(limit: int) -> None:
    def segment(setting: float) -> np.ndarray:
        if setting > limit:
            raise ValueError("beyond")
        return strips(setting / 4)

    made = search_count(segment, Knob("n", 3, 1, 1000, power=1, whole=True), 100)
    assert 1 <= made.labels.max() + 1 <= 100
    assert ("note" in made.attributes) == (limit < 400)
    with pytest.raises(ValueError, match="beyond"):
        search_count(segment, Knob("n", 500, 1, 1000, power=1, whole=True), 100)
