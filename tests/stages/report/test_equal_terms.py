"""Curves read at equal count and equal regularity, and the areas under them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.interpolate import interp1d

from spam_pipe.stages.report.config import ReportConfig
from spam_pipe.stages.report.equal_terms import (
    area_table,
    at_equal_count,
    at_equal_regularity,
    interpolate,
)
from spam_pipe.stages.report.series import MethodKey
from tests.stages.report.comparison_cases import OURS, THEIRS, metrics_of

CONFIG = ReportConfig(bootstrap_samples=200)
COUNTS = (100, 200, 400)


def made(share: float, asa: dict[int, float], gr: dict[int, float] | None = None) -> object:
    """A method that makes a share of what is asked for, the same in every image but for noise."""

    def measures(image: int, count: int) -> dict[str, float]:
        noise = 0.001 * (image - 1)
        return {
            "n_superpixels": share * count,
            "asa": asa[count] + noise,
            "gr": (gr or {}).get(count, 0.5),
        }

    return measures


def table_of(**methods: object) -> object:
    keys = {"ours": OURS, "theirs": THEIRS}
    return metrics_of({keys[name]: each for name, each in methods.items()}, COUNTS, 3)  # type: ignore[misc]


def figure(table: object, config: str, count: int, column: str = "mean") -> float:
    rows = table[(table["config"] == config) & (table["n_requested"] == count)]  # type: ignore[index]
    return float(rows[column].iloc[0])


def test_a_method_that_makes_what_is_asked_for_keeps_its_means() -> None:
    asa = {100: 0.90, 200: 0.93, 400: 0.95}
    table = at_equal_count(table_of(ours=made(1.0, asa)), config=CONFIG)
    assert [figure(table, "ours", count) for count in COUNTS] == pytest.approx([0.90, 0.93, 0.95])
    assert table["at"].tolist() == [100, 200, 400]


def test_too_few_are_read_between_the_points_over_log_n() -> None:
    asa = {100: 0.90, 200: 0.93, 400: 0.95}
    table = at_equal_count(table_of(theirs=made(0.75, asa)), config=CONFIG)
    expected = interp1d(np.log([75, 150, 300]), [0.90, 0.93, 0.95])(np.log([100, 200]))
    assert figure(table, "theirs", 100) == pytest.approx(float(expected[0]))
    assert figure(table, "theirs", 200) == pytest.approx(float(expected[1]))
    assert np.isnan(figure(table, "theirs", 400))  # 300 made: the curve does not reach


def test_a_curve_is_continued_by_five_percent() -> None:
    asa = {100: 0.90, 200: 0.93, 400: 0.96}
    table = at_equal_count(table_of(theirs=made(1.04, asa)), config=CONFIG)
    slope = 0.03 / np.log(2)
    assert figure(table, "theirs", 100) == pytest.approx(0.90 - slope * np.log(1.04))
    assert np.isnan(
        figure(at_equal_count(table_of(theirs=made(1.06, asa)), config=CONFIG), "theirs", 100)
    )


def test_intervals_hold_the_mean_and_need_two_images() -> None:
    asa = {100: 0.90, 200: 0.93, 400: 0.95}
    table = at_equal_count(table_of(ours=made(1.0, asa)), config=CONFIG)
    assert (table["lo"] < table["mean"]).all()
    assert (table["mean"] < table["hi"]).all()
    single = metrics_of({OURS: made(1.0, asa)}, COUNTS, 1)  # type: ignore[dict-item]
    alone = at_equal_count(single, config=CONFIG)
    assert alone["mean"].notna().all()
    assert alone[["lo", "hi"]].isna().all(axis=None)


def test_one_count_is_no_curve() -> None:
    metrics = metrics_of({OURS: lambda image, count: {"asa": 0.9, "gr": 0.5}}, (100,), 3)
    assert at_equal_count(metrics, config=CONFIG)["mean"].isna().all()
    assert area_table(metrics, CONFIG, ("asa",))["mean"].isna().all()


def at_one_regularity(asa: float, gr: float, spread: float = 0.0) -> object:
    """A method of one accuracy and regularity, the images spread around them."""
    return lambda image, count: {"asa": asa + spread * (image - 1), "gr": gr}


SMOOTHER = MethodKey("spam", "contour", "ours, smoother")


def test_the_reference_is_read_where_it_is_as_regular() -> None:
    methods = {
        OURS: at_one_regularity(0.96, 0.5, 0.01),
        SMOOTHER: at_one_regularity(0.92, 0.7, 0.01),
        THEIRS: at_one_regularity(0.93, 0.6, 0.01),
    }
    table = at_equal_regularity(metrics_of(methods, COUNTS, 3), OURS, config=CONFIG)  # type: ignore[arg-type]
    assert table["method"].tolist() == ["slic"] * 3  # the family itself is not compared
    assert table["n_requested"].tolist() == list(COUNTS)
    assert table["reference_gr"].tolist() == pytest.approx([0.6] * 3)
    assert table["reference_mean"].tolist() == pytest.approx([0.94] * 3)
    assert table["difference"].tolist() == pytest.approx([-0.01] * 3)
    # The same images on both sides: what they have in common cancels.
    assert table[["lo", "hi"]].to_numpy() == pytest.approx(-0.01)


def test_beyond_the_reference_nothing_is_read_and_below_it_its_end() -> None:
    def beside(gr: float) -> float:
        methods = {
            OURS: at_one_regularity(0.96, 0.5),
            SMOOTHER: at_one_regularity(0.92, 0.7),
            THEIRS: at_one_regularity(0.93, gr),
        }
        table = at_equal_regularity(metrics_of(methods, (100,), 3), OURS, config=CONFIG)  # type: ignore[arg-type]
        return float(table["difference"].iloc[0])

    assert np.isnan(beside(0.71))
    assert beside(0.7) == pytest.approx(0.01)
    assert beside(0.1) == pytest.approx(-0.03)


def test_a_reference_without_variants_is_read_where_it_is_more_regular() -> None:
    def beside(gr: float) -> float:
        methods = {OURS: at_one_regularity(0.96, 0.5), THEIRS: at_one_regularity(0.93, gr)}
        table = at_equal_regularity(metrics_of(methods, (100,), 3), OURS, config=CONFIG)  # type: ignore[arg-type]
        return float(table["difference"].iloc[0])

    assert beside(0.4) == pytest.approx(-0.03)
    assert np.isnan(beside(0.6))


def test_a_measure_that_the_reference_lacks_gives_no_row() -> None:
    methods = {OURS: lambda image, count: {"gr": 0.5}, THEIRS: at_one_regularity(0.93, 0.5)}
    assert at_equal_regularity(metrics_of(methods, (100,), 3), OURS, config=CONFIG).empty  # type: ignore[arg-type]


def test_a_missing_reference_is_said() -> None:
    metrics = table_of(ours=made(1.0, dict.fromkeys(COUNTS, 0.9)))
    with pytest.raises(ValueError, match="no rows of slic none theirs"):
        at_equal_regularity(metrics, THEIRS)  # type: ignore[arg-type]


def test_areas_over_the_range_that_all_cover() -> None:
    asa = {100: 0.90, 200: 0.93, 400: 0.95}
    metrics = table_of(ours=made(1.0, asa), theirs=made(0.75, asa))
    table = area_table(metrics, CONFIG, ("asa",))  # type: ignore[arg-type]
    assert table["n_from"].tolist() == pytest.approx([100, 100])
    assert table["n_to"].tolist() == pytest.approx([300, 300])
    for config, share in (("ours", 1.0), ("theirs", 0.75)):
        knots = np.log(share * np.array(COUNTS))
        curve = interp1d(knots, list(asa.values()))
        ends = float(np.log(100)), float(np.log(300))
        expected = quad(curve, *ends, points=[*knots[1:-1]])[0] / np.log(3)
        found = table.loc[table["config"] == config, "mean"].iloc[0]
        assert found == pytest.approx(expected, abs=1e-9)


def test_images_that_lack_a_count_are_left_out() -> None:
    metrics = table_of(ours=made(1.0, {100: 0.90, 200: 0.93, 400: 0.95}))
    half_done = metrics.drop(metrics.index[-1])  # type: ignore[attr-defined]
    table = at_equal_count(half_done, config=CONFIG)
    assert table["n_images"].tolist() == [2, 2, 2]


def test_without_ground_truth_nothing_is_read() -> None:
    metrics = metrics_of({OURS: lambda image, count: {"gr": 0.5}}, COUNTS, 3)
    assert at_equal_count(metrics, config=CONFIG).empty


@given(
    st.lists(st.floats(-100, 100), min_size=2, max_size=8, unique=True),
    st.lists(st.floats(-1, 1), min_size=8, max_size=8),
    st.floats(-100, 100),
)
def test_reading_is_what_numpy_reads(places: list[float], values: list[float], at: float) -> None:
    across = np.sort(np.array(places))[np.newaxis]
    up = np.array(values[: len(places)])[np.newaxis]
    read = float(interpolate(across, up, at)[0, 0])
    if across[0, 0] <= at <= across[0, -1]:
        assert read == pytest.approx(float(np.interp(at, across[0], up[0])), abs=1e-9)
    else:
        assert np.isnan(read)
