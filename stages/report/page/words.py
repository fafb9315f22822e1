"""The page's sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from spam_pipe.stages.report.page.data import Method, Page
from spam_pipe.stages.report.series import MethodKey, say_prior
from spam_pipe.stages.report.text_tables import SHOWN, stand_on_fewer


@dataclass(frozen=True)
class Notice:
    """A remark at the top; `target` is the id of the section that says more."""

    text: str
    serious: bool = False
    target: str = ""


@dataclass(frozen=True)
class Difference:
    """An option that tells methods apart, with each method's value in turn."""

    option: str
    values: Sequence[str]


def title(report: Page, methods: Sequence[Method]) -> str:
    """Name the page after what all methods share."""
    if not methods:
        return "Superpixels"
    names, place = {each.key.method for each in methods}, [report.dataset]
    if report.split != "all":
        place.append(report.split)
    prior = [say_prior(methods[0].key.prior)] if len(methods) == 1 else []
    return " · ".join([*place, *(names if len(names) == 1 else []), *prior])


def lead(report: Page, methods: Sequence[Method], summary: pd.DataFrame) -> str:
    """Say what was run, on how many images."""
    progress = report.progress
    counts = sorted({int(count) for count in summary["n_requested"]})
    images = plural(progress.n_items, "image")
    if progress.n_expected is not None and progress.n_expected != progress.n_items:
        images += f" of the {progress.n_expected} in the split"
    measured = {MethodKey.of(row) for _, row in summary.iterrows() if row["n_images"]}
    said = f"{plural(len(measured) or len(methods), 'method')} on {images}"
    if numbers := ", ".join(str(count) for count in counts if count not in report.sizes):
        said += f", asked for {numbers} superpixels"
    if sizes := ", ".join(report.sizes[count] for count in counts if count in report.sizes):
        said += f", asked for superpixels of {sizes}"
    return said + "."


def notices(report: Page, summary: pd.DataFrame) -> list[Notice]:
    """Return what a reader must know before believing a figure."""
    progress, said = report.progress, []
    if progress.n_done == 0:
        said.append(Notice("Not one image could be measured: there are no figures.", True))
    elif progress.n_done < progress.n_wanted:
        share = 100 * progress.n_done / progress.n_wanted
        said.append(
            Notice(
                f"Not finished: {progress.n_done} of {progress.n_wanted} results are in "
                f"({share:.0f} %). Methods may stand on different images and counts.",
                True,
            )
        )
    said += [Notice(line) for line in stand_on_fewer(summary, list(SHOWN))]
    if report.failures:
        failed = plural(len({f.what for f in report.failures}), "image")
        said.append(Notice(f"{failed} failed.", True, "failures"))
    if report.skipped:
        points = plural(len(report.skipped), "point")
        said.append(Notice(f"{points} of the sweep could not run here.", True, "skipped"))
    if report.left_out:
        said.append(Notice(f"{report.left_out[0].upper()}{report.left_out[1:]}."))
    if progress.n_items == 1 and progress.n_done:
        said.append(Notice("One image only: no interval can be given, and no test made."))
    return said


def differing_options(methods: Sequence[Method]) -> list[Difference]:
    """Return the options in which methods differ; an option that one does not have is a dash."""
    names = list(dict.fromkeys(name for method in methods for name in method.options))
    rows = [
        Difference(name, [_value(method.options.get(name)) for method in methods]) for name in names
    ]
    return [row for row in rows if len(set(row.values)) > 1]


def plural(count: int, noun: str) -> str:
    """Return a count and its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
