"""Figures as people read them, in every table and sentence of a report."""

import re

import pandas as pd

NOTHING = "–"
"""Stands where a figure is not defined."""


def figure(value: float, form: str = ".3f") -> str:
    """Return a figure; a dash where it is NaN."""
    return NOTHING if pd.isna(value) else f"{value:{form}}"


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return figure(value, "+.3f").replace("-", "−")


def half_interval(low: float, high: float) -> str:
    """Return half the interval's length behind ±; nothing where there is none."""
    return "" if pd.isna(low) else f"±{(high - low) / 2:.3f}"


def interval(low: float, high: float, form: str = ".3f") -> str:
    """Return an interval's ends in brackets; nothing where there is none."""
    return "" if pd.isna(low) else f"[{low:{form}}, {high:{form}}]"


def beside(*parts: str) -> str:
    """Return what there is of some parts, a space between."""
    return " ".join(filter(None, parts))


def without_zero(text: str) -> str:
    """Return a figure below 1 as papers print it: .123 for 0.123."""
    return re.sub(r"(?<!\d)0\.", ".", text, count=1)


def count(mean: float) -> str:
    """Return a mean number of superpixels."""
    return figure(mean, ".1f").removesuffix(".0")


def seconds(value: float | None, form: str = ".3g") -> str:
    """Return a duration in seconds; a dash where none is known."""
    return NOTHING if value is None else f"{value:{form}}"


def images(done: int, failed: int) -> str:
    """Return how many images a figure stands on, and of how many where some failed."""
    return f"{done} of {done + failed}" if failed else str(done)


def p_value(p: float) -> str:
    """Return the p of a test."""
    return "< .001" if p < 0.001 else without_zero(figure(p))
