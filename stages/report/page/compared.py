"""The tests' results: ties with the best method, and each method beside the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from spam_pipe.stages.report.comparisons import SIGNIFICANT, comparison_table
from spam_pipe.stages.report.config import ReportConfig
from spam_pipe.stages.report.equal_terms import at_equal_count, at_equal_regularity
from spam_pipe.stages.report.figure_text import (
    NOTHING,
    beside,
    figure,
    half_interval,
    p_value,
    signed,
)
from spam_pipe.stages.report.page.headline import Cell, best_cells
from spam_pipe.stages.report.series import MethodKey
from spam_pipe.stages.report.text_tables import SHOWN


@dataclass(frozen=True)
class Beside:
    """A method beside the reference at one requested count; all figures as text."""

    series: int  # place in the page's order
    # of the measure, method minus reference on the same images: mean, its 95 % interval, share of
    # images where the method is higher, Wilcoxon's p after Holm's correction
    difference: str
    interval: str
    wins: str
    p: str
    significant: bool  # whether p is small enough
    # the measure read from the method's curve where it makes exactly K superpixels; and method
    # minus reference where the reference's variants are as regular, at K
    equal_count: str
    equal_regularity: str


@dataclass(frozen=True)
class Comparison:
    """All methods beside one."""

    reference: int  # its place in the page's order
    measure: str  # heading of the comparison
    blocks: Mapping[int, Sequence[Beside]]  # rows by requested count, the reference's among them


def tied_cells(
    metrics: pd.DataFrame, summary: pd.DataFrame, config: ReportConfig
) -> frozenset[Cell]:
    """Return the cells that no significant difference tells from the best of their block.

    Parameters
    ----------
    metrics, summary
        From `stages.report.tables`.
    config
        Number of resamples and seed of the bootstrap.
    """
    best = best_cells(summary)
    tied: set[Cell] = set()
    for key in dict.fromkeys(best.values()):
        led = [cell for cell, owner in best.items() if owner == key]
        measures = [measure for measure in SHOWN if any(measure == led_by for _, led_by in led)]
        table = comparison_table(metrics, key, config, measures)
        alike = table[(table["p_holm"] >= SIGNIFICANT) & (table["n_pairs"] > 1)]
        for _, row in alike.iterrows():
            count, measure = int(row["n_requested"]), str(row["measure"])
            if (count, measure) in led:
                tied.add((MethodKey.of(row), count, measure))
    return frozenset(tied)


def compare(
    metrics: pd.DataFrame,
    reference: MethodKey,
    order: Sequence[MethodKey],
    config: ReportConfig,
) -> Comparison | None:
    """Set every method beside the reference in ASA, or EV where there is no ground truth.

    Returns
    -------
    None when there are not two methods and two images to compare.
    """
    if len(order) < 2 or metrics["image"].nunique() < 2:
        return None
    measure = "asa" if bool(metrics["asa"].notna().any()) else "explained_variation"
    compared = comparison_table(metrics, reference, config, [measure])
    at_count = _by_series(at_equal_count(metrics, measure, config))
    at_regularity = _by_series(at_equal_regularity(metrics, reference, measure, config))
    tests = _by_series(compared)
    blocks = {}
    for count in sorted({int(count) for count in metrics["n_requested"]}):
        rows = []
        for place, key in enumerate(order):
            cell = (key, count)
            if cell in tests or key == reference:
                test = tests.get(cell)
                equal = (at_count.get(cell), at_regularity.get(cell))
                rows.append(_beside(place, test, *equal))
        blocks[count] = rows
    return Comparison(order.index(reference), SHOWN[measure], blocks)


_Row = pd.Series


def _by_series(table: pd.DataFrame) -> dict[tuple[MethodKey, int], "_Row[float]"]:
    return {(MethodKey.of(row), int(row["n_requested"])): row for _, row in table.iterrows()}


def _beside(
    place: int,
    test: "_Row[float] | None",
    at_count: "_Row[float] | None",
    at_regularity: "_Row[float] | None",
) -> Beside:
    equal = (_estimate(at_count, "mean"), _estimate(at_regularity, "difference"))
    if test is None or pd.isna(test["difference"]):
        return Beside(place, NOTHING, "", NOTHING, NOTHING, False, *equal)
    interval = ""
    if not pd.isna(test["difference_lo"]):
        interval = f"{signed(test['difference_lo'])} … {signed(test['difference_hi'])}"
    return Beside(
        place,
        signed(test["difference"]),
        interval,
        f"{100 * test['win_rate']:.0f} %",
        p_value(test["p_holm"]),
        bool(test["p_holm"] < SIGNIFICANT),
        *equal,
    )


def _estimate(row: "_Row[float] | None", name: str) -> str:
    """Return an estimate with half its interval; differences with their sign."""
    if row is None or pd.isna(row[name]):
        return NOTHING
    mean = signed(row[name]) if name == "difference" else figure(row[name])
    return beside(mean, half_interval(row["lo"], row["hi"]))
