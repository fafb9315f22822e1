"""The knob that makes a method return a wanted number of superpixels.

Methods make more or fewer superpixels than they are asked for, or can't be asked for a number at
all. Each has one knob that the number follows, roughly as a power of it. It is searched on a log
scale, first by extrapolating that power, then, once a setting with fewer and one with more are
known, between the two.

The trials depend on the image, the method and the wanted number alone, never on what other
numbers are requested: adding a K to a finished run gives what requesting all at once would.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.methods.baselines.numbering import number_labels
from spam_pipe.stages.scene import Segmentation

CLOSE = 0.05
"""Share of the wanted number by which the number made may differ without a note."""

_CLOSER = 0.02
_N_CLOSER = 5
_MOST_TRIALS = 12


@dataclass(frozen=True)
class Knob:
    """A method's parameter that sets how many superpixels it makes."""

    name: str  # what the method calls it
    # where the search begins, within `low` and `high`, the least and the largest setting
    start: float
    low: float
    high: float
    power: float  # the number of superpixels goes roughly with this power of the knob
    whole: bool = False  # whether it takes whole numbers alone

    def settle(self, value: float) -> float:
        """Return the nearest setting there is."""
        inside = min(max(value, self.low), self.high)
        return float(round(inside)) if self.whole else inside


@dataclass(frozen=True)
class _Trial:
    setting: float
    n: int


def search_count(
    segment: Callable[[float], NDArray[np.integer[Any]]],
    knob: Knob,
    n_wanted: int,
    valid: NDArray[np.bool_] | None = None,
) -> Segmentation:
    """Segment with the setting of the knob that comes nearest to the wanted number.

    The first five trials aim at 2 % of it, up to seven more at 5 %.

    Parameters
    ----------
    segment
        From a setting to an (H, W) label map; the same setting gives the same map. A ValueError,
        of a setting that is beyond the method, ends the search with what was found before.
    knob
        What is searched.
    n_wanted
        How many superpixels are wanted.
    valid
        (H, W) bool, the pixels that count: labels elsewhere are cut off and don't. None: all do.

    Returns
    -------
    The nearest labels found, of equally near ones the first, and the attributes ``knob`` (its
    name), ``knob_value``, ``knob_trials`` (how often the method ran) and, where the number stays
    farther than 5 % from the wanted one, a ``note``.
    """
    fewer: _Trial | None = None
    more: _Trial | None = None
    best: _Trial | None = None
    setting = knob.settle(knob.start)
    tried: set[float] = set()
    while len(tried) < _MOST_TRIALS and setting not in tried:
        try:
            made = segment(setting)
        except ValueError:
            if best is None:
                raise
            break
        tried.add(setting)
        labels, n = number_labels(made, valid)
        trial = _Trial(setting, n)
        if best is None or abs(n - n_wanted) < abs(best.n - n_wanted):
            best, best_labels = trial, labels
        if abs(best.n - n_wanted) <= (_CLOSER if len(tried) <= _N_CLOSER else CLOSE) * n_wanted:
            break
        if n < n_wanted:
            fewer = trial
        else:
            more = trial
        setting = _next(knob, fewer, more, n_wanted, len(tried))
    assert best is not None
    found = {"knob": knob.name, "knob_value": best.setting, "knob_trials": len(tried)}
    how = f"the nearest found, with {knob.name} = {best.setting:g}"
    return Segmentation(best_labels, {**found, **count_note(best.n, n_wanted, how)})


def count_note(n: int, n_wanted: int, how: str) -> dict[str, str]:
    """Return the attribute ``note`` where a number made is more than 5 % off the wanted one."""
    if abs(n - n_wanted) <= CLOSE * n_wanted:
        return {}
    return {"note": f"{n} superpixels where {n_wanted} were asked for: {how}"}


def _next(
    knob: Knob, fewer: _Trial | None, more: _Trial | None, n_wanted: int, n_tried: int
) -> float:
    """Return the next setting to try; one tried before when there is none left."""
    if fewer is not None and more is not None:
        share = log(n_wanted / fewer.n) / log(more.n / fewer.n)
        # Between numbers that jump, interpolation creeps along one side: halve now and then.
        if n_tried % 3 == 0:
            share = 0.5
        value = exp((1 - share) * log(fewer.setting) + share * log(more.setting))
        return _strictly_between(knob, value, fewer.setting, more.setting)
    known = fewer or more
    assert known is not None
    # Each further step on the same side goes farther, or a plateau would never end.
    factor: float = (n_wanted / known.n) ** (max(1, n_tried - 1) / knob.power)
    value = knob.settle(known.setting * factor)
    if knob.whole and value == known.setting:
        value = knob.settle(known.setting + (1 if factor > 1 else -1))
    return value


def _strictly_between(knob: Knob, value: float, a: float, b: float) -> float:
    """Return the setting nearest to a value that lies inside a bracket, or an end of it."""
    low, high = min(a, b), max(a, b)
    if knob.whole and high - low >= 2:
        return min(max(knob.settle(value), low + 1), high - 1)
    return knob.settle(value)
