"""Achievable segmentation accuracy and undersegmentation errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import contingency_table

from spam_pipe.stages.evaluate.overlap import Overlap, overlap
from spam_pipe.stages.evaluate.regions import painted, regions_of
from tests.stages.evaluate.label_maps import Labels, label_maps, shapes


def compare(labels: Labels, truth: Labels) -> Overlap:
    regions = regions_of(truth)
    return overlap(regions_of(labels), painted(regions), regions.areas.size)


@given(shapes.flatmap(lambda shape: st.tuples(label_maps(shape), label_maps(shape))))
def test_figures_are_those_of_the_contingency_table(maps: tuple[Labels, Labels]) -> None:
    labels, truth = maps
    table = contingency_table(labels, truth).toarray()
    areas = table.sum(axis=1, keepdims=True)
    leaking = np.where(table > 0, np.minimum(table, areas - table), 0).sum()
    figures = compare(labels, truth)
    assert figures.asa == table.max(axis=1).sum() / labels.size
    assert figures.ue == pytest.approx(1 - figures.asa, abs=1e-15)
    assert figures.ue_np == leaking / labels.size


@given(label_maps())
def test_a_finer_partition_than_the_truth_is_without_error(truth: Labels) -> None:
    finer = truth * truth.shape[1] + np.arange(truth.shape[1])
    assert compare(finer, truth) == (1.0, 0.0, 0.0)


def test_figures_of_a_small_case() -> None:
    labels = np.array([[0, 0, 0, 1], [0, 0, 0, 1]])
    truth = np.array([[5, 5, 9, 9], [5, 5, 9, 7]])
    # 0 overlaps 5 in four pixels and 9 in two; 1 is halved.
    assert compare(labels, truth) == (5 / 8, 3 / 8, (2 + 2 + 1 + 1) / 8)
