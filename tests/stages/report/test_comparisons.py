"""Tables that compare methods with a reference."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from spam_pipe.stages.report.comparisons import (
    COMPARISON_COLUMNS,
    comparison_table,
    image_differences,
    method_keys,
)
from spam_pipe.stages.report.config import ReportConfig
from spam_pipe.stages.report.series import MethodKey
from tests.stages.report.comparison_cases import OURS, THEIRS, metrics_of, two_methods

CONFIG = ReportConfig(bootstrap_samples=200)


def test_every_other_method_beside_the_reference() -> None:
    table = comparison_table(two_methods(), OURS, CONFIG, measures=("asa",))
    assert tuple(table.columns) == COMPARISON_COLUMNS
    assert table["config"].tolist() == ["theirs", "theirs"]
    assert table["n_requested"].tolist() == [100, 400]
    assert table["difference"].tolist() == pytest.approx([-0.01, -0.02])
    assert table["mean"].tolist() == pytest.approx([0.915, 0.905])
    assert table["reference_mean"].tolist() == pytest.approx([0.925, 0.925])
    assert table["win_rate"].tolist() == [0, 0]
    assert table["n_pairs"].tolist() == [6, 6]
    # Six differences of one sign: p = 2 / 2^6; one method at each count, nothing to correct.
    assert table["p"].tolist() == pytest.approx([2 / 64, 2 / 64])
    assert table["p_holm"].tolist() == pytest.approx([2 / 64, 2 / 64])


def test_tests_agree_with_scipy_and_statsmodels() -> None:
    random = np.random.default_rng(3)
    noise = random.normal(0, 0.01, (3, 12, 2))

    def method(number: int) -> object:
        return lambda image, count: {"asa": 0.9 + noise[number, image, int(count == 400)]}

    keys = [MethodKey(m, "none", c) for m, c in (("spam", "a"), ("slic", "b"), ("lsc", "c"))]
    metrics = metrics_of({key: method(i) for i, key in enumerate(keys)}, n_images=12)  # type: ignore[misc]
    table = comparison_table(metrics, keys[0], CONFIG, measures=("asa",))
    expected = [
        stats.wilcoxon(noise[i, :, k], noise[0, :, k]).pvalue for i in (2, 1) for k in (0, 1)
    ]
    assert table["method"].tolist() == ["lsc", "lsc", "slic", "slic"]
    assert table["p"].tolist() == pytest.approx(expected)
    # The methods of one count are a family: rows 0 and 2, and rows 1 and 3.
    for family in (slice(0, None, 2), slice(1, None, 2)):
        corrected = multipletests(expected[family], method="holm")[1]
        assert table["p_holm"].tolist()[family] == pytest.approx(list(corrected))


def test_measures_are_families_of_their_own() -> None:
    table = comparison_table(two_methods(), OURS, CONFIG, measures=("asa", "gr"))
    asa = table[table["measure"] == "asa"]
    assert asa["p_holm"].tolist() == pytest.approx([2 / 64, 2 / 64])


def test_images_that_one_method_lacks_are_left_out() -> None:
    metrics = two_methods()
    lacking = metrics[~((metrics["method"] == "slic") & (metrics["image"] == "05"))]
    table = comparison_table(lacking, OURS, CONFIG, measures=("asa",))
    assert table["n_pairs"].tolist() == [5, 5]
    assert table["reference_mean"].tolist() == pytest.approx([0.92, 0.92])


def test_one_image_has_no_interval() -> None:
    table = comparison_table(two_methods(n_images=1), OURS, CONFIG, measures=("asa",))
    assert table[["difference_lo", "difference_hi", "p", "p_holm"]].isna().all(axis=None)
    assert table["difference"].tolist() == pytest.approx([-0.01, -0.02])


def test_a_measure_that_nobody_has() -> None:
    table = comparison_table(two_methods(), OURS, CONFIG, measures=("boundary_recall",))
    assert table["n_pairs"].tolist() == [0, 0]
    assert table["difference"].isna().all()


def test_a_reference_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no rows of lsc none x to compare with"):
        comparison_table(two_methods(), MethodKey("lsc", "none", "x"), CONFIG)


def test_images_from_worst_to_best() -> None:
    metrics = metrics_of(
        {
            OURS: lambda image, count: {"asa": 0.9 + [0.03, -0.02, 0.0][image]},
            THEIRS: lambda image, count: {"asa": 0.9},
        },
        counts=(100,),
        n_images=3,
    )
    table = image_differences(metrics, OURS, THEIRS, 100)
    assert table["image"].tolist() == ["01", "02", "00"]
    assert table["difference"].tolist() == pytest.approx([-0.02, 0, 0.03])
    assert image_differences(metrics, OURS, THEIRS, 400).empty


def test_series_in_the_order_of_the_table() -> None:
    assert method_keys(two_methods()) == [THEIRS, OURS]


def test_nothing_to_compare() -> None:
    alone = two_methods()
    table = comparison_table(alone[alone["method"] == "spam"], OURS, CONFIG)
    assert isinstance(table, pd.DataFrame)
    assert table.empty
