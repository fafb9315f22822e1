"""The work of a sweep and about how long it takes, estimated from the stores."""

from dataclasses import dataclass

from rich.table import Table

from spam_pipe.pipeline.running.plan import State, plan
from spam_pipe.pipeline.runs.failures import Failures
from spam_pipe.pipeline.sweeping.points import SweptRun
from spam_pipe.stages.registry import STAGES

_GUESS = {"propose": 0.4, "prior": 0.1, "hierarchy": 1.0, "segment": 0.3, "evaluate": 0.03}
"""Seconds of a stage's unit where nothing is known: a BSD image on one core, as measured."""

_OVERHEAD = 0.02
"""Seconds that loading and storing add to a unit, as measured."""


@dataclass
class StoreState:
    """The units of a store that a sweep wants, and how many are there."""

    stage: str  # the stage that writes it
    first: str  # label of the first point that uses it
    # units
    done: int = 0
    todo: int = 0
    seconds: float = 0.0  # of the units done, together


def survey(swept: SweptRun) -> dict[str, StoreState]:
    """Look at each store of a sweep once, without computing anything."""
    states: dict[str, StoreState] = {}
    failed = frozenset(Failures(swept.run.folder).items)
    points = zip(swept.record.points, swept.configs, swept.chains(), strict=True)
    for point, config, chain in points:
        new = {
            name: StoreState(name, point.label)
            for name, link in chain.items()
            if link.store.name not in states
        }
        states |= {chain[name].store.name: state for name, state in new.items()}
        for planned in plan(swept.selection, chain, config, swept.run.folder, failed=failed):
            for name, state in new.items():
                for unit, found in planned.states[name].items():
                    if found is State.DONE:
                        state.done += 1
                        record = planned.records[name, unit]
                        state.seconds += float(record.provenance.get("seconds", 0.0))
                    else:
                        state.todo += 1
    return states


def estimate(states: dict[str, StoreState], workers: int) -> float:
    """Return about how many seconds the units to do will take."""
    total = 0.0
    for state in states.values():
        alike = [state] if state.done else [s for s in states.values() if s.stage == state.stage]
        done = sum(each.done for each in alike)
        mean = sum(each.seconds for each in alike) / done if done else _GUESS[state.stage]
        total += state.todo * (mean + _OVERHEAD)
    return total / max(1, workers)


def plan_table(swept: SweptRun, states: dict[str, StoreState]) -> Table:
    """Return a table of the points: the work of each, and the results that it shares."""
    run = swept.run
    table = Table(title=f"what `sweep` would do in run {run.name}", title_justify="left")
    table.add_column("point", overflow="fold")
    names = [name for name in STAGES if any(state.stage == name for state in states.values())]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for point, chain in zip(swept.record.points, swept.chains(), strict=True):
        cells = []
        for name in names:
            state = states[chain[name].store.name] if name in chain else None
            if state is None:
                cells.append("–")
            elif state.first != point.label:
                cells.append("shared")
            else:
                cells.append(f"{state.todo} to do" if state.todo else "done")
        table.add_row(point.label, *cells)
    for skipped in swept.record.skipped:
        table.add_row(skipped.label, *["skipped"] * len(names))
    return table


def say_duration(seconds: float) -> str:
    """Say a duration as people do, roughly."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
