"""The table at the top of the page: a block per K, the best in bold, ties marked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from spam_pipe.stages.report import figure_text
from spam_pipe.stages.report.series import YARDSTICKS, MethodKey
from spam_pipe.stages.report.tables import Group, group_of
from spam_pipe.stages.report.text_tables import SHOWN

NEAR = 0.1
"""A method competes for the best where its mean count is off by at most this share of K."""

Cell = tuple[MethodKey, int, str]
"""Series, requested count, measure."""


@dataclass(frozen=True)
class Figure:
    """A cell."""

    # the mean and half its 95 % interval, as text; `half` is empty where there is none
    mean: str
    half: str = ""
    best: bool = False  # the best of its block
    tied: bool = False  # not distinguishable from the best


@dataclass(frozen=True)
class Row:
    """One method at one K."""

    series: int
    made: str
    near: bool
    figures: Sequence[Figure]
    images: str


@dataclass(frozen=True)
class Block:
    """The methods at one K."""

    count: int
    rows: Sequence[Row]


def shown_measures(summary: pd.DataFrame) -> dict[str, str]:
    """Return the short tables' measures that have any figure, and their headings."""
    return {
        measure: heading
        for measure, heading in SHOWN.items()
        if bool(summary[f"{measure}_mean"].notna().any())
    }


def best_cells(summary: pd.DataFrame) -> dict[tuple[int, str], MethodKey]:
    """Return which series is best, by count and measure.

    Series compete whose mean count is within `NEAR` of the requested one; yardsticks do not. A
    cell with a single competitor has no best.
    """
    best = {}
    for count, rows in summary.groupby("n_requested"):
        rivals = rows[(rows["n_superpixels_mean"] / rows["n_requested"] - 1).abs() <= NEAR]
        rivals = rivals[~rivals["method"].isin(YARDSTICKS)]
        for measure in SHOWN:
            defined = rivals.dropna(subset=[f"{measure}_mean"])
            if len(defined) > 1:
                place = int(defined[f"{measure}_mean"].argmax())
                best[int(str(count)), measure] = MethodKey.of(defined.iloc[place])
    return best


def headline(
    summary: pd.DataFrame,
    seconds: Mapping[Group, float],
    order: Sequence[MethodKey],
    tied: Collection[Cell] = (),
) -> list[Block]:
    """Lay the summary out, a block per requested count.

    Parameters
    ----------
    summary
        From `stages.report.tables.summary_table`.
    seconds
        Seconds per image (`stages.report.tables.seconds_per_image`).
    order
        All series; a row's `series` is the position here, and rows keep this order.
    tied
        Cells that a test does not tell from the best of their block.
    """
    best = best_cells(summary)
    shown = shown_measures(summary)
    blocks = []
    for count, rows in summary.groupby("n_requested", sort=True):
        made = {MethodKey.of(row): row for _, row in rows.iterrows()}
        blocks.append(
            Block(
                int(str(count)),
                [
                    _row(made[key], order.index(key), shown, seconds, best, tied)
                    for key in order
                    if key in made
                ],
            )
        )
    return blocks


def _row(
    row: "pd.Series[Any]",
    series: int,
    shown: Mapping[str, str],
    seconds: Mapping[Group, float],
    best: Mapping[tuple[int, str], MethodKey],
    tied: Collection[Cell],
) -> Row:
    key, count, made = MethodKey.of(row), int(row["n_requested"]), row["n_superpixels_mean"]
    figures = []
    for measure in shown:
        mean, low, high = (row[f"{measure}_{part}"] for part in ("mean", "lo", "hi"))
        figures.append(
            Figure(
                figure_text.figure(mean),
                figure_text.half_interval(low, high),
                best=best.get((count, measure)) == key,
                tied=(key, count, measure) in tied,
            )
        )
    taken = seconds.get(group_of(row))
    figures.append(Figure(figure_text.seconds(taken, ".2g")))
    return Row(
        series,
        figure_text.count(made),
        not pd.isna(made) and abs(made / count - 1) <= NEAR,
        figures,
        figure_text.images(int(row["n_images"]), int(row["n_failed"])),
    )
