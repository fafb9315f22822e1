"""The contact sheet: every picture in its place, sharp, with its figures below it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.report.contact_sheet import GAP, Example, Superpixels, contact_sheet, spread
from spam_pipe.stages.report.drawing import (
    BOUNDARY_COLOR,
    color_objects,
    draw_boundaries,
    mean_colors,
)
from spam_pipe.stages.report.layout import MAX_HEIGHT, MAX_WIDTH, MIN_WIDTH, Arrangement, arrange


def example(
    name: str, height: int, width: int, counts: tuple[int, ...] = (6,), prior: bool = True
) -> Example:
    rows, columns = np.mgrid[:height, :width]
    image = np.random.default_rng(height).integers(0, 200, (height, width, 3), dtype=np.uint8)
    labels = (rows * 2 // height) * 3 + columns * 3 // width
    objects = 1 + (columns * 2 // width)
    objects[:, width // 2] = 0
    metrics = {"asa": 0.9, "gr": None, "explained_variation": float("nan"), "compactness": 0.5}
    made = [Superpixels(count, labels.astype(np.uint16), metrics) for count in counts]
    return Example(name, image, made, objects.astype(np.uint16) if prior else None)


def placed(sheet: np.ndarray, picture: np.ndarray) -> tuple[int, int]:
    """Return where a picture stands on the sheet, pixel for pixel."""
    height, width = picture.shape[:2]
    first = np.argwhere((sheet == picture[0, 0]).all(axis=2))
    found = [
        (int(y), int(x))
        for y, x in first
        if np.array_equal(sheet[y : y + height, x : x + width], picture)
    ]
    assert len(found) == 1
    return found[0]


def test_pictures_stand_side_by_side_at_their_own_size() -> None:
    one = example("a", 300, 400)
    sheet = np.asarray(contact_sheet([one], "a title"))
    labels = one.superpixels[0].labels
    assert one.objects is not None
    places = [
        placed(sheet, picture)
        for picture in (
            one.image,
            color_objects(one.image, one.objects),
            draw_boundaries(one.image, labels),
            mean_colors(one.image, labels),
        )
    ]
    assert len({y for y, _ in places}) == 1
    assert np.diff([x for _, x in places]).tolist() == [400 + GAP] * 3


def test_boundaries_stay_one_pixel_thick_when_pictures_are_resized() -> None:
    small = example("small", 40, 50, prior=False)
    sheet = np.asarray(contact_sheet([small]))
    yellow = (sheet == BOUNDARY_COLOR).all(axis=2)
    rows = np.flatnonzero(yellow.any(axis=1))
    panel = yellow[rows[0] : rows[-1] + 1]
    lengths = sorted(np.unique(panel.sum(axis=1)).tolist())
    columns = np.flatnonzero(yellow.any(axis=0))
    assert lengths == [2, columns[-1] - columns[0] + 1]
    assert (panel.sum(axis=1) > 2).sum() == 1
    assert len(rows) > 150


def test_pixels_without_data_are_white() -> None:
    one = example("a", 300, 400)
    labels = one.superpixels[0].labels + 1
    labels[:100] = 0
    made = Superpixels(6, labels, {}, start_label=1)
    sheet = np.asarray(contact_sheet([Example("a", one.image, [made], one.objects)]))
    colors = mean_colors(one.image, labels)
    colors[:100] = 255
    placed(sheet, colors[90:])


def test_captions_are_written_below_and_undefined_figures_are_left_out() -> None:
    with_figures = example("a", 300, 400)
    without = Example(
        "a",
        with_figures.image,
        [Superpixels(6, made.labels, {"gr": None}) for made in with_figures.superpixels],
        with_figures.objects,
    )
    pictures = [np.asarray(contact_sheet([one])) for one in (with_figures, without)]
    assert pictures[0].shape == pictures[1].shape
    changed = np.argwhere((pictures[0] != pictures[1]).any(axis=2))
    assert changed[:, 0].min() > 300
    assert changed[:, 1].min() > 2 * (400 + GAP)


def test_no_caption_leaves_its_panel_however_long_a_name_is() -> None:
    long = "ünïcode/" + "very-long-folder-name/" * 12 + "image"
    named, other = (np.asarray(contact_sheet([example(name, 300, 400)])) for name in (long, "x"))
    changed = np.argwhere((named != other).any(axis=2))
    assert changed[:, 1].max() < 32 + 400


def test_equal_examples_give_equal_sheets() -> None:
    made = [
        contact_sheet([example("a", 60, 90), example("b", 90, 60)], "t").tobytes() for _ in "12"
    ]
    assert made[0] == made[1]


def test_no_example_is_an_error() -> None:
    with pytest.raises(ValueError, match="one example"):
        contact_sheet([])


def test_arrays_that_do_not_fit_are_an_error() -> None:
    one = example("a", 30, 40)
    wrong = Example("a", one.image, [Superpixels(6, np.zeros((40, 30), int), {})])
    with pytest.raises(ValueError, match=r"\(40, 30\)"):
        contact_sheet([wrong])


def test_a_spread_takes_the_ends_and_is_even() -> None:
    names = [str(i) for i in range(11)]
    assert spread(names, 3) == ["0", "5", "10"]
    assert spread(names, 20) == names
    assert spread(names, 1) == ["0"]
    assert spread([], 4) == spread(names, 0) == []


def test_landscapes_keep_their_size_and_two_portraits_share_a_row() -> None:
    arranged = arrange(
        [481 / 321, 321 / 481, 321 / 481],
        [321, 481, 481],
        [6, 6, 6],
        gap=10,
        card_gap=20,
        caption_height=50,
    )
    wide, left, right = arranged.slots
    assert {(slot.width, slot.height) for slot in wide} == {(481, 321)}
    assert left[0].top == right[0].top == 321 + 50 + 20
    assert right[0].left - (left[-1].left + left[-1].width) == 20
    assert abs(arranged.width - (right[-1].left + right[-1].width)) <= 6


cards = st.lists(
    st.tuples(st.floats(0.1, 10), st.integers(1, 4000), st.integers(1, 8)), min_size=1, max_size=9
)


@settings(max_examples=200, deadline=None)
@given(cards)
def test_slots_never_overlap_and_stay_inside(made: list[tuple[float, int, int]]) -> None:
    aspects, heights, counts = zip(*made, strict=True)
    arranged: Arrangement = arrange(
        aspects, heights, counts, gap=10, card_gap=20, caption_height=50
    )
    assert [len(slots) for slots in arranged.slots] == list(counts)
    assert arranged.width <= MAX_WIDTH + 8 * 9
    covered = np.zeros((arranged.height, arranged.width), np.uint8)
    for slot in (slot for slots in arranged.slots for slot in slots):
        assert slot.width >= 1
        assert 1 <= slot.height <= 1.5 * MAX_HEIGHT
        bottom = slot.top + slot.height + 50
        assert bottom <= arranged.height
        assert slot.left + slot.width <= arranged.width
        covered[slot.top : bottom, slot.left : slot.left + slot.width] += 1
    assert covered.max() == 1


def test_tiny_images_fill_a_sheet_worth_looking_at() -> None:
    arranged = arrange([1.0] * 4, [16] * 4, [4] * 4, gap=10, card_gap=20, caption_height=50)
    assert arranged.width >= 0.9 * MIN_WIDTH
    assert arranged.slots[0][0].height >= 100
