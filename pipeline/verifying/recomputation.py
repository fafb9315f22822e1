"""Compute a sample of a run's items again and compare with what is stored."""

import json
import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.running.jobs import Context, Job
from spam_pipe.pipeline.running.work import perform
from spam_pipe.pipeline.runs.chain import Link
from spam_pipe.pipeline.units import Unit, unit_of
from spam_pipe.pipeline.verifying.findings import Finding
from spam_pipe.pipeline.verifying.stores import OpenStore
from spam_pipe.stages.base import Output


def sample_of(
    candidates: list[tuple[OpenStore, Item]], count: int, seed: int
) -> list[tuple[OpenStore, Item]]:
    """Draw so many, in their order; the same seed draws the same."""
    chosen = random.Random(seed).sample(range(len(candidates)), min(count, len(candidates)))
    return [candidates[number] for number in sorted(chosen)]


def recompute(store: OpenStore, item: Item, run_url: str, device: str) -> list[Finding]:
    """Compute all that a chain holds of an item, each stage from what is stored of those before.

    Returns
    -------
    A finding for each result that comes out different, or can't be computed any more.
    """
    findings: list[Finding] = []

    def judge(link: Link, item_id: str, unit: Unit, output: Output) -> Output:
        _, stored = link.store.read(item_id, unit)
        reason = _difference(stored, output)
        if reason is not None:
            key = link.store.record_key(item_id, unit)
            place = key.removesuffix("/zarr.json")
            findings.append(_finding(link, item_id, unit, reason, key, place))
        return stored

    work = {
        name: units for name, link in store.chain.items() if (units := _units_there(link, item.id))
    }
    context = Context(store.config.model_dump_json(), run_url, device)
    (outcome,) = perform((Job(item, work, context),), judge)
    if outcome.failure is not None:
        link = store.chain[outcome.failure.stage]
        reason = f"can't be computed again: {outcome.failure.message}"
        findings.append(_finding(link, item.id, None, reason))
    return findings


def _units_there(link: Link, item_id: str) -> tuple[Unit, ...]:
    """Return the units of an item that a store holds complete."""
    names = link.store.run.names(link.store.record_key(item_id, None).rpartition("/")[0])
    units = [unit_of(name) for name in names] if link.units != (None,) else [None]
    return tuple(unit for unit in units if link.store.record(item_id, unit) is not None)


def _difference(stored: Output, computed: Output) -> str | None:
    if stored.arrays.keys() != computed.arrays.keys():
        return f"arrays {', '.join(computed.arrays)} instead of {', '.join(stored.arrays)}"
    for name, array in computed.arrays.items():
        there = stored.arrays[name]
        if array.shape != there.shape or array.dtype != there.dtype:
            return f"{name}: {array.dtype} {array.shape} instead of {there.dtype} {there.shape}"
        if not np.array_equal(array, there, equal_nan=array.dtype.kind == "f"):
            share = float(np.mean(array != there))
            return f"{name}: {100 * share:.2g} % of its values differ"
    plain = _plain(computed.attributes)
    different = [key for key in plain if plain[key] != stored.attributes.get(key)]
    return f"{', '.join(different)} differ" if different else None


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as they come back from a store."""
    plain: dict[str, Any] = json.loads(json.dumps(attributes))
    return plain


def _finding(link: Link, item_id: str, unit: Unit, reason: str, *remove: str) -> Finding:
    return Finding(link.store.name, item_id, unit, "differs", reason, remove)
