"""The metric table and its summary: columns, order, intervals, bytes."""

import io
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spam_pipe.stages.report.bootstrap import mean_interval
from spam_pipe.stages.report.config import ReportConfig
from spam_pipe.stages.report.tables import (
    COLUMNS,
    MEASURES,
    SUMMARY_COLUMNS,
    metrics_table,
    seconds_per_image,
    summary_table,
    write_csv,
)

HEADER = (
    "dataset,split,image,method,prior,config,n_requested,n_superpixels,delta_k,asa,ue,ue_np,"
    "boundary_recall,boundary_precision,contour_density,explained_variation,"
    "explained_variation_giraud,compactness,gr,src,smf,gr_giraud,src_giraud,n_annotators,"
    "seconds,note"
)


def row(image: str, n_requested: int = 100, **others: Any) -> dict[str, Any]:
    known = {
        "dataset": "bsd",
        "split": "test",
        "image": image,
        "method": "spam",
        "prior": "none",
        "config": "0a1b2c3d",
        "n_requested": n_requested,
        "n_superpixels": n_requested,
        "delta_k": 0.0,
        "asa": 0.9,
        "gr": 0.6,
        "seconds": 0.25,
    }
    return {**known, **others}


def group(n_requested: int = 100, **others: str) -> tuple[str, str, str, str, str, int]:
    made = row("", n_requested, **others)
    return tuple(  # type: ignore[return-value]
        made[key] for key in ("dataset", "split", "method", "prior", "config", "n_requested")
    )


def text_of(table: pd.DataFrame) -> str:
    target = io.StringIO(newline="")
    write_csv(table, target)
    return target.getvalue()


def test_the_columns_are_the_documented_ones_in_their_order() -> None:
    assert text_of(metrics_table([row("a")])).splitlines()[0] == HEADER
    assert text_of(metrics_table([])) == HEADER + "\n"


def test_the_summary_has_five_statistics_of_each_metric_but_the_seconds() -> None:
    columns = text_of(summary_table(metrics_table([row("a")]))).splitlines()[0].split(",")
    metrics = HEADER.split(",")
    measured = metrics[metrics.index("n_superpixels") : metrics.index("n_annotators")]
    assert columns == [
        *("dataset", "split", "method", "prior", "config", "n_requested"),
        *(f"{name}_{part}" for name in measured for part in ("mean", "std", "lo", "hi", "n")),
        *("n_images", "n_failed"),
    ]


def test_rows_are_sorted_and_any_order_gives_the_same_bytes() -> None:
    rows = [row(image, count) for image in ("10", "9", "a b") for count in (400, 25, 100)]
    shuffled = random.Random(0).sample(rows, len(rows))
    assert text_of(metrics_table(rows)) == text_of(metrics_table(shuffled))
    table = metrics_table(shuffled)
    assert list(zip(table["image"], table["n_requested"], strict=True))[:4] == [
        ("10", 25),
        ("10", 100),
        ("10", 400),
        ("9", 25),
    ]
    summaries = [text_of(summary_table(metrics_table(some))) for some in (rows, shuffled)]
    assert summaries[0] == summaries[1]


def test_what_is_undefined_is_empty_not_zero() -> None:
    line = text_of(
        metrics_table([row("a", asa=None, gr=float("nan"), note="one colour, no EV")])
    ).splitlines()[1]
    assert line == 'bsd,test,a,spam,none,0a1b2c3d,100,100,0,,,,,,,,,,,,,,,,0.25,"one colour, no EV"'


def test_figures_keep_nine_digits() -> None:
    line = text_of(metrics_table([row("a", asa=0.123456789012, seconds=None)])).splitlines()[1]
    assert ",0.123456789," in line


def test_ids_with_commas_quotes_and_leading_zeros_survive() -> None:
    ids = ["007", 'a,"b"', "ü/é"]
    table = metrics_table([row(image) for image in ids])
    back = pd.read_csv(io.StringIO(text_of(table)), dtype={"image": str})
    assert sorted(back["image"]) == sorted(ids)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row("a") | {"colour": 1}], "not a column of the metric table: colour"),
        ([row("a") | {"method": None}], "no method"),
        ([row("a"), row("a")], "two rows .* bsd test a spam none 0a1b2c3d 100"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        metrics_table(rows)


def test_statistics_are_over_the_images_where_a_figure_is_defined() -> None:
    table = metrics_table([row("a", asa=0.9), row("b", asa=0.8), row("c", asa=None)])
    summary = summary_table(table).iloc[0]
    assert summary["asa_mean"] == pytest.approx(0.85, abs=1e-15)
    assert summary["asa_std"] == pytest.approx(np.std([0.9, 0.8], ddof=1), abs=1e-15)
    assert (summary["asa_lo"], summary["asa_hi"]) == pytest.approx((0.8, 0.9), abs=1e-15)
    assert summary["n_images"] == 3
    assert np.isnan(summary["ue_mean"])


def test_one_image_has_a_mean_and_no_interval() -> None:
    summary = summary_table(metrics_table([row("a", asa=0.9)])).iloc[0]
    assert summary["asa_mean"] == 0.9
    assert np.isnan([summary[f"asa_{part}"] for part in ("std", "lo", "hi")]).all()
    assert summary["n_images"] == 1


def test_failures_are_counted_where_they_belong() -> None:
    table = metrics_table([row("a"), row("a", 400)])
    summary = summary_table(table, {group(400): 2, group(100, method="slic"): 3})
    found = summary[["method", "n_requested", "n_images", "n_failed"]].to_numpy().tolist()
    assert found == [["slic", 100, 0, 3], ["spam", 100, 1, 0], ["spam", 400, 1, 2]]


def test_a_run_that_failed_altogether_is_a_row_without_figures() -> None:
    summary = summary_table(metrics_table([]), {group(): 5})
    assert text_of(summary).splitlines()[1] == (
        "bsd,test,spam,none,0a1b2c3d,100" + ",,,,,0" * len(MEASURES) + ",0,5"
    )


def test_no_rows_give_an_empty_summary() -> None:
    assert text_of(summary_table(metrics_table([]))) == ",".join(SUMMARY_COLUMNS) + "\n"


def test_seconds_are_the_median_and_not_in_the_summary() -> None:
    table = metrics_table([row(str(i), seconds=s) for i, s in enumerate((1.0, 9.0, 2.0))])
    assert seconds_per_image(table) == {group(): 2.0}
    assert not [name for name in SUMMARY_COLUMNS if "seconds" in name]
    assert "seconds" in COLUMNS


def test_the_summary_does_not_change_with_the_seconds() -> None:
    tables = [
        metrics_table([row(str(i), asa=0.9 + i / 100, seconds=s * i) for i in range(5)])
        for s in (1, 2)
    ]
    assert text_of(summary_table(tables[0])) == text_of(summary_table(tables[1]))


def test_the_interval_is_that_of_the_percentile_bootstrap() -> None:
    values = np.random.default_rng(1).normal(0.9, 0.05, (40, 1))
    draws = np.random.default_rng(7).integers(0, 40, (500, 40))
    expected = np.quantile(values[:, 0][draws].mean(axis=1), [0.025, 0.975])
    low, high = mean_interval(values, 500, 7)
    np.testing.assert_allclose([low[0], high[0]], expected, rtol=0, atol=1e-15)


def test_the_interval_narrows_with_the_root_of_n_and_holds_the_normal_theory() -> None:
    values = np.random.default_rng(2).normal(0, 1, (400, 1))
    low, high = mean_interval(values, 4000, 0)
    half = 1.96 * values.std(ddof=1) / np.sqrt(400)
    assert (high - low)[0] / 2 == pytest.approx(half, rel=0.08)


def test_the_seed_alone_changes_the_draws() -> None:
    accuracies = np.random.default_rng(0).uniform(0.8, 1, 30)
    table = metrics_table([row(str(i), asa=asa) for i, asa in enumerate(accuracies)])
    texts = [text_of(summary_table(table, config=ReportConfig(seed=seed))) for seed in (0, 0, 1)]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float64,
        st.tuples(st.integers(0, 6), st.integers(1, 4)),
        elements=st.one_of(st.floats(-5, 5), st.just(np.nan)),
    )
)
def test_a_column_is_resampled_as_if_it_stood_alone(values: np.ndarray) -> None:
    together = mean_interval(values, 100, 3)
    for j in range(values.shape[1]):
        kept = values[~np.isnan(values[:, j]), j]
        alone = mean_interval(kept[:, np.newaxis], 100, 3)
        for joint, single in zip(together, alone, strict=True):
            np.testing.assert_array_equal(joint[j], single[0])
        if len(kept) > 1:
            assert kept.min() - 1e-12 <= together[0][j] <= together[1][j] <= kept.max() + 1e-12
        else:
            assert np.isnan(together[0][j])


def test_many_images_are_resampled_in_parts_with_the_same_result() -> None:
    from spam_pipe.stages.report import bootstrap

    n = 3000
    assert n * 1000 > bootstrap.INDICES_AT_ONCE
    values = np.random.default_rng(0).random((n, 1))
    draws = np.random.default_rng(0).integers(0, n, (1000, n))
    expected = np.quantile(values[:, 0][draws].mean(axis=1), [0.025, 0.975])
    np.testing.assert_allclose(np.ravel(mean_interval(values, 1000, 0)), expected, atol=1e-15)


def test_points_of_a_sweep_are_sorted_by_their_numbers() -> None:
    configs = ["λ_s=10", "λ_s=4.5", "λ_s=1", "λ_s=10, no prior", "0a9", "λ_s=1.0"]
    table = metrics_table(row("a", config=config) for config in configs)
    wanted = ["0a9", "λ_s=1", "λ_s=1.0", "λ_s=4.5", "λ_s=10", "λ_s=10, no prior"]
    assert table["config"].tolist() == wanted
    assert summary_table(table)["config"].tolist() == wanted
