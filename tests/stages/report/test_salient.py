"""Accuracy inside and outside the salient part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spam_pipe.stages.evaluate.overlap import overlap
from spam_pipe.stages.evaluate.regions import regions_of
from spam_pipe.stages.report.salient import SALIENT_COLUMNS, accuracy_by_place, salient_table

MAPS = arrays(np.int32, (6, 7), elements=st.integers(0, 4))


def test_a_case_by_hand() -> None:
    labels = np.array([[0, 0, 0, 1, 1, 1]])
    truth = np.array([[5, 5, 7, 7, 7, 7]])  # the third pixel is wrong
    salient = np.array([[True, True, True, True, False, False]])
    found = accuracy_by_place(labels, [truth], salient)
    assert found == {"asa_inside": 0.75, "asa_outside": 1.0, "n_inside": 1.0}


@given(MAPS, MAPS, arrays(np.bool_, (6, 7)))
def test_weighted_by_area_it_is_asa(labels: object, truth: object, salient: object) -> None:
    _, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(6, 7).astype(np.int32)
    found = accuracy_by_place(dense, [truth], salient)  # type: ignore[list-item, arg-type]
    share = float(np.mean(salient))  # type: ignore[arg-type]
    total = np.nansum([share * found["asa_inside"], (1 - share) * found["asa_outside"]])
    asa = overlap(regions_of(dense), np.ravel(truth), 5).asa  # type: ignore[arg-type]
    assert total == pytest.approx(asa)


def test_nothing_salient_or_no_annotator_is_undefined() -> None:
    labels = np.zeros((2, 2), int)
    nothing = accuracy_by_place(labels, [labels], np.zeros((2, 2), bool))
    assert np.isnan(nothing["asa_inside"])
    assert nothing["asa_outside"] == 1.0
    assert np.isnan(accuracy_by_place(labels, [], np.ones((2, 2), bool))["asa_inside"])


def test_means_over_the_images_where_it_is_defined() -> None:
    rows = [
        {"config": "r=2", "n_requested": 100, "asa_inside": inside, "asa_outside": 0.9}
        | {"n_inside": 10.0}
        for inside in (0.8, 0.9, float("nan"))
    ]
    table = salient_table(rows)
    assert tuple(table.columns) == SALIENT_COLUMNS
    assert table["asa_inside_mean"].tolist() == pytest.approx([0.85])
    assert table["asa_outside_lo"].tolist() == pytest.approx([0.9])
    assert table["n_images"].tolist() == [3]
