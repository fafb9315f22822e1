"""Levels of an image's hierarchy as superpixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from spam_pipe.stages.base import Count, Inputs, Output
from spam_pipe.stages.regions.tree import level_of_regions
from spam_pipe.stages.segment.stored import start_label_of

_OF_LARGE = ("n_windows", "reduction")


def levels_of(inputs: Inputs, units: Sequence[Count]) -> Iterator[Output]:
    """Yield levels of an image's hierarchy, as the segment stage yields superpixels.

    Raises
    ------
    ValueError
        When there is no hierarchy, or it has no such level.
    """
    if "hierarchy" not in inputs.upstream:
        raise ValueError("spam-nested reads levels of a hierarchy, and there is none")
    made = inputs.upstream["hierarchy"][None]
    finest, parents = made.arrays["labels"], made.arrays["parents"]
    n, start = (len(parents) + 1) // 2, start_label_of(made.attributes)
    beyond = made.attributes["n_requested"] > n
    for unit in units:
        if unit is None or unit < 1:
            raise ValueError(f"at least one superpixel must be asked for, not {unit}")
        if unit > n and not beyond:
            raise ValueError(
                f"K = {unit} is beyond the finest level of {n}: "
                f"--set segment.spam_nested.finest={unit}"
            )
        count = min(unit, n)
        table = np.zeros(n + start, np.uint16 if count + start <= 65535 else np.uint32)
        table[start:] = level_of_regions(parents, count) + np.int32(start)
        n_objects = [kept for level, kept in made.attributes["n_objects"] if level <= count]
        attributes: dict[str, Any] = {
            "n_requested": unit,
            "n_superpixels": count,
            "n_objects": max(n_objects, default=0),
            **{key: made.attributes[key] for key in _OF_LARGE if key in made.attributes},
        }
        if start:
            attributes["start_label"] = start
        if unit > n:
            attributes["note"] = f"{unit} superpixels asked for, but {n} pixels"
        yield Output({"labels": table[finest]}, attributes)
