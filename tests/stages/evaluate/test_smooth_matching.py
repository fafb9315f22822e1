"""Smooth matching, beside a slow transcription of its definition."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given

from spam_pipe.stages.evaluate.regions import regions_of
from spam_pipe.stages.evaluate.smooth_matching import smooth_matching
from tests.stages.evaluate.label_maps import Labels, grid, label_maps


def definition(labels: Labels) -> float:
    offsets = {}
    for name in np.unique(labels):
        rows, columns = np.nonzero(labels == name)
        center = rows.sum() // len(rows), columns.sum() // len(rows)
        offsets[name] = list(zip(rows - center[0], columns - center[1], strict=True))
    seen = Counter(offset for shape in offsets.values() for offset in shape)
    unmatched = 0.0
    for shape in offsets.values():
        average = np.array([seen[offset] for offset in shape]) / labels.size
        distance = 1 - average.sum() + np.abs(1 / len(shape) - average).sum()
        unmatched += len(shape) * distance
    return 1 - unmatched / (2 * labels.size)


@given(label_maps())
def test_figure_follows_the_definition(labels: Labels) -> None:
    figure = smooth_matching(regions_of(labels))
    assert figure == pytest.approx(definition(labels), abs=1e-12)
    assert 0 < figure <= 1


@given(label_maps())
def test_transposing_keeps_it(labels: Labels) -> None:
    assert smooth_matching(regions_of(labels)) == smooth_matching(regions_of(labels.T))


def test_equal_shapes_match() -> None:
    assert smooth_matching(regions_of(grid(12, 20, 4))) == 1


def test_figure_of_a_small_case() -> None:
    # Offsets 0 and 1 for the first, 0 for the second, 0 and 1 and -1 for the third.
    labels = np.array([[0, 0, 1, 2, 2, 2]])
    # M(0) = 3/6, M(1) = 2/6, M(-1) = 1/6; the mean of min(1, n_k·M) over pixels.
    expected = (1 + 2 / 3 + 1 / 2 + 1 + 1 + 1 / 2) / 6
    assert smooth_matching(regions_of(labels)) == pytest.approx(expected, abs=1e-15)
