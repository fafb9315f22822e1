"""Run lengths against segment-anything's own, and everything that may be wrong with them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from segment_anything.utils.amg import area_from_rle, mask_to_rle_pytorch, rle_to_mask

from spam_pipe.stages.propose.run_lengths import MAX_PIXELS, RunLengths, decompress

stacks = arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=7))
label_maps = arrays(
    np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 6)
)


@given(stacks)
def test_masks_become_what_segment_anything_makes_of_them(stack):
    masks = RunLengths.from_masks(stack)
    expected = mask_to_rle_pytorch(torch.from_numpy(stack))
    assert [masks.counts_of(i) for i in range(len(masks))] == [e["counts"] for e in expected]
    assert masks.area.tolist() == [area_from_rle(e) for e in expected]
    assert list(masks.size) == expected[0]["size"]


@given(stacks)
def test_segment_anything_reads_our_counts(stack):
    masks = RunLengths.from_masks(stack)
    for index, mask in enumerate(stack):
        theirs = rle_to_mask({"size": list(masks.size), "counts": masks.counts_of(index)})
        assert np.array_equal(theirs, mask)
        assert np.array_equal(masks.mask(index), mask)


@given(label_maps)
def test_a_label_image_is_one_mask_per_label(labels):
    masks = RunLengths.from_labels(labels)
    present = np.unique(labels[labels > 0])
    stack = labels == present[:, None, None]
    expected = RunLengths.from_masks(stack) if len(present) else RunLengths.empty(labels.shape)
    for name, array in masks.to_arrays().items():
        assert np.array_equal(array, expected.to_arrays()[name]), name
        assert array.dtype == expected.to_arrays()[name].dtype


@given(stacks)
def test_arrays_hold_everything(stack):
    masks = RunLengths.from_masks(stack, score=np.linspace(0, 1, len(stack)))
    again = RunLengths.from_arrays(masks.to_arrays())
    assert again.size == masks.size
    assert np.array_equal(again.score, np.linspace(0, 1, len(stack)).astype(np.float32))
    assert all(np.array_equal(again.mask(i), mask) for i, mask in enumerate(stack))


@given(stacks, st.randoms(use_true_random=False))
def test_painting_covers_in_order(stack, random):
    order = list(range(len(stack)))
    random.shuffle(order)
    canvas = np.zeros(stack.shape[1:], np.int32)
    for index in order:
        canvas[stack[index]] = index + 1
    painted = RunLengths.from_masks(stack).paint(order)
    assert np.array_equal(painted, canvas)


@given(stacks)
def test_selecting_keeps_the_masks_named(stack):
    kept = np.arange(len(stack))[::-2]
    chosen = RunLengths.from_masks(stack, np.arange(len(stack))).select(kept)
    expected = RunLengths.from_masks(stack[kept], kept)
    for name, array in chosen.to_arrays().items():
        assert np.array_equal(array, expected.to_arrays()[name]), name


def _compress(counts):
    """Write COCO's string from its definition."""
    text = ""
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        while True:
            digit = value & 31
            value >>= 5
            more = value != (-1 if digit & 16 else 0)
            text += chr(48 + (digit | 32 * more))
            if not more:
                break
    return text


@given(st.lists(st.integers(0, 2**28), min_size=1, max_size=9))
def test_compressed_counts_come_back(counts):
    assert decompress(_compress(counts)).tolist() == counts
    assert decompress(_compress(counts).encode()).tolist() == counts


def test_a_string_that_pycocotools_wrote():
    # pycocotools.mask.encode(np.asfortranarray(np.eye(4, dtype=np.uint8)))
    assert decompress("01400000").tolist() == [0, 1, 4, 1, 4, 1, 4, 1]
    assert decompress("01d<h0kC0000Se0").tolist()[:8] == [0, 1, 404, 25, 15, 25, 15, 25]


def test_compressed_and_plain_counts_mix():
    masks = RunLengths.from_counts([[0, 6], _compress([2, 4])], [2, 3], score=[0.5, 0.25])
    assert masks.area.tolist() == [6, 4]
    assert masks.mask(1).tolist() == [[False, True, True], [False, True, True]]
    assert masks.score.tolist() == [0.5, 0.25]


def test_runs_of_no_length_are_allowed():
    masks = RunLengths.from_counts([[1, 1, 0, 2, 2]], [2, 3])
    assert masks.mask(0).T.ravel().tolist() == [False, True, True, True, False, False]
    assert masks.area.tolist() == [3]


@pytest.mark.parametrize(
    ("counts", "size", "message"),
    [
        ([[0, 5]], [2, 3], "sum to 5, not to 2×3"),
        ([[3, 3], [3, 4]], [2, 3], "mask 1: run lengths sum to 7"),
        ([[-1, 7]], [2, 3], "0..6"),
        ([[2**40]], [2, 3], "0..6"),
        ([[1.5, 4.5]], [2, 3], "whole numbers"),
        ([["a"]], [2, 3], "whole numbers"),
        ([[]], [2, 3], "whole numbers"),
        ([[[6]]], [2, 3], "whole numbers"),
        (["é"], [2, 3], "compressed"),
        (["o"], [2, 3], "compressed"),
        ([""], [2, 3], "compressed"),
        (["o" * 12 + "0"], [2, 3], "too long"),
        ([[0, 6]], [0, 6], "size"),
        ([[0, 6]], [6], "size"),
        ([[0, 6]], ["2", "3"], "size"),
        ([[0, 6]], [2.0, 3.0], "size"),
        ([], [MAX_PIXELS, 2], "size"),
    ],
)
def test_bad_counts_are_refused(counts, size, message):
    with pytest.raises(ValueError, match=message):
        RunLengths.from_counts(counts, size)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 2, 2), int), "height × width"),
        (np.array([[1, -1]]), "≥ 0, found -1"),
        (np.array([[0.5]]), "fractions"),
        (np.array([[np.nan]]), "fractions"),
        (np.array([["a"]]), "height × width"),
        (np.zeros((0, 3), int), "size"),
    ],
)
def test_bad_label_images_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        RunLengths.from_labels(labels)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offsets", [0, 9]),
        ("offsets", [1, 4]),
        ("offsets", [[0, 4]]),
        ("offsets", [0, 0, 4]),
        ("counts", [0, 1, 2, 4]),
        ("size", [2, 4]),
        ("score", [1.0, 1.0]),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name, value):
    arrays = RunLengths.from_labels(np.array([[1, 0, 1], [1, 1, 0]])).to_arrays()
    arrays[name] = np.array(value)
    with pytest.raises(ValueError, match=r"masks|mask|size"):
        RunLengths.from_arrays(arrays)


def test_scores_must_be_as_many_as_masks():
    with pytest.raises(ValueError, match="2 masks need as many scores"):
        RunLengths.from_masks(np.ones((2, 1, 1)), [1.0])


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_large_labels_do_not_cost_memory(seed):
    labels = np.random.default_rng(seed).choice(np.array([0, 7, 2**32 - 1], np.uint32), (5, 6))
    assert RunLengths.from_labels(labels).area.sum() == (labels > 0).sum()
