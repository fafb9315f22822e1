"""The state of each unit (done, stale, failed, to do), from records and fingerprints alone."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.running.parts import ENGINE_PARTS, LATER_PARTS, NO_DATA, PARTS
from spam_pipe.pipeline.runs.chain import Chain, Link
from spam_pipe.pipeline.store.folder import Folder
from spam_pipe.pipeline.store.record import Record, parse_record
from spam_pipe.pipeline.store.store import digest_of
from spam_pipe.pipeline.units import Unit
from spam_pipe.stages.registry import STAGES

_BATCH = 64
"""Items whose records are read at once: hides an object store's delay, bounds memory."""


class State(StrEnum):
    """State of one unit."""

    DONE = "done"
    STALE = "stale"
    FAILED = "failed"
    TODO = "todo"


@dataclass(frozen=True)
class ItemPlan:
    """The states of one item's units."""

    item: Item  # the item
    states: Mapping[str, Mapping[Unit, State]]  # state per stage and unit
    records: Mapping[tuple[str, Unit], Record]  # record per stage and unit that has one

    def work(self) -> dict[str, tuple[Unit, ...]]:
        """Return the units to compute per stage, stages in order."""
        missing = {
            name: tuple(unit for unit, state in units.items() if state is not State.DONE)
            for name, units in self.states.items()
        }
        return {name: units for name, units in missing.items() if units}

    def counts(self) -> Counter[State]:
        """Count the units per state, all stages together."""
        return Counter(state for units in self.states.values() for state in units.values())


def fingerprint(
    link: Link, digests: Mapping[str, str], upstream: Mapping[str, Mapping[Unit, str]], unit: Unit
) -> str:
    """Return the hash of all that a unit's result depends on.

    Parameters
    ----------
    link
        The stage and its config.
    digests
        Digest of each part of the item that the stage reads.
    upstream
        Fingerprints of the upstream stages' units.
    unit
        The unit; it reads the same unit of its upstream, or the only one there.
    """
    reads = [part for part in STAGES[link.name].reads if digests[part] or part not in LATER_PARTS]
    return digest_of(
        {
            "stage": link.name,
            "version": STAGES[link.name].version,
            "config": link.config_digest,
            "unit": unit,
            "inputs": {part: digests[part] for part in reads},
            "upstream": {
                name: upstream[name].get(unit, upstream[name].get(None)) for name in link.upstream
            },
        }
    )


def plan(
    items: Iterable[Item],
    chain: Chain,
    config: RunConfig,
    run: Folder,
    *,
    failed: Collection[tuple[str, str]] = (),
    overwrite: Collection[str] = (),
) -> Iterator[ItemPlan]:
    """Yield the states of every item's units.

    Parameters
    ----------
    items
        The items; read lazily.
    chain, config, run
        The run.
    failed
        Pairs of store name and item id that failed before.
    overwrite
        Stages whose results are recomputed even if they are done.
    """
    remaining = iter(items)
    while batch := list(islice(remaining, _BATCH)):
        addresses = [
            (item.id, link, unit)
            for item in batch
            for link in chain.values()
            for unit in link.units
        ]
        contents = run.read_many(
            [link.store.record_key(item_id, unit) for item_id, link, unit in addresses]
        )
        records = {
            (item_id, link.name, unit): parse_record(content)
            for (item_id, link, unit), content in zip(addresses, contents, strict=True)
        }
        for item in batch:
            own = {
                (link.name, unit): record
                for link in chain.values()
                for unit in link.units
                if (record := records[item.id, link.name, unit]) is not None
            }
            yield _plan_item(item, own, chain, config, failed, overwrite)


def _plan_item(
    item: Item,
    records: Mapping[tuple[str, Unit], Record],
    chain: Chain,
    config: RunConfig,
    failed: Collection[tuple[str, str]],
    overwrite: Collection[str],
) -> ItemPlan:
    states: dict[str, dict[Unit, State]] = {}
    expected: dict[str, dict[Unit, str]] = {}
    # Without any record nothing can be out of date, and no file need be read.
    digests: dict[str, str] | None = {} if records else None
    for name, link in chain.items():
        if digests is not None:
            try:
                for part in set(STAGES[name].reads) - set(digests):
                    digests[part] = _current_digest(part, item, config, records.values())
            except DataError:
                digests = None  # the worker meets the same error and reports it
        states[name] = {}
        expected[name] = {}
        for unit in link.units:
            record = records.get((name, unit))
            if digests is not None:
                # Units of an item may have been computed on different devices.
                engines = {
                    part: _current_digest(part, item, config, () if record is None else (record,))
                    for part in ENGINE_PARTS.intersection(STAGES[name].reads)
                }
                expected[name][unit] = fingerprint(link, digests | engines, expected, unit)
            if record is not None and name not in overwrite and digests is not None:
                same = record.fingerprint == expected[name][unit]
                states[name][unit] = State.DONE if same else State.STALE
            elif (link.store.name, item.id) in failed:
                states[name][unit] = State.FAILED
            else:
                states[name][unit] = State.STALE if record is not None else State.TODO
    return ItemPlan(item, states, records)


def _current_digest(part: str, item: Item, config: RunConfig, records: Iterable[Record]) -> str:
    """Return a part's digest, taken from a record made of the same file where there is one."""
    source = PARTS[part].find(item, config)
    if source is None:
        return NO_DATA[1]
    signature = source.signature()
    for record in records:
        known = record.inputs.get(part)
        if known is not None and known[0] == signature:
            return known[1]
    return source.digest()
