"""Read back all that a run holds; report changed bytes and broken invariants."""

import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import unquote

from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Item, Source
from spam_pipe.pipeline.running.parts import LATER_PARTS, NO_DATA, PARTS, EngineChoice
from spam_pipe.pipeline.running.plan import fingerprint
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.store.record import Record
from spam_pipe.pipeline.store.sealed_json import group_json, is_group_json
from spam_pipe.pipeline.store.store import group_name
from spam_pipe.pipeline.units import Unit, unit_of
from spam_pipe.pipeline.verifying.findings import Finding, Verified
from spam_pipe.pipeline.verifying.stores import OpenStore
from spam_pipe.stages.base import Output
from spam_pipe.stages.registry import STAGES
from spam_pipe.stages.segment.invariants import broken_invariants


class Reader:
    """Reads a run's stores item by item.

    Parameters
    ----------
    run
        The run.
    stores
        The chain to read, upstream stores first.
    items
        The dataset's items by id, to compare the results' inputs with; empty without a dataset.
    verified
        Takes the findings.
    """

    def __init__(
        self, run: Run, stores: list[OpenStore], items: Mapping[str, Item], verified: Verified
    ) -> None:
        self.run = run
        self.verified = verified
        self.digest_of = lru_cache(maxsize=64)(_digest)
        self.items = {group_name(item_id): item for item_id, item in items.items()}
        self.groups: dict[str, list[OpenStore]] = {}
        for store in stores:
            for name in run.folder.names(store.link.store.name):
                if name.endswith(".partial"):
                    verified.leftovers.append(f"{store.link.store.name}/{name}")
                elif name != "zarr.json":
                    self.groups.setdefault(name, []).append(store)

    def read_all(self, tick: Callable[[bool], None]) -> None:
        """Read every item; `tick` is told of each whether something is wrong with it."""
        for group in sorted(self.groups):
            before = len(self.verified.findings)
            outputs: dict[tuple[str, Unit], Output] = {}
            for store in self.groups[group]:
                self._read_group(store, group, outputs)
            tick(len(self.verified.findings) > before)

    def _read_group(
        self, store: OpenStore, group: str, outputs: dict[tuple[str, Unit], Output]
    ) -> None:
        name = store.link.store.name
        entries = self.run.folder.names(f"{name}/{group}")
        if not STAGES[store.link.name].per_count:
            self._read_unit(store, group, None, entries, outputs)
            return
        units = [unit for entry in entries if (unit := unit_of(entry)) is not None]
        for unit in units:
            inside = self.run.folder.names(f"{name}/{group}/{unit}")
            self._read_unit(store, group, unit, inside, outputs)
        key = f"{name}/{group}/zarr.json"
        others = set(entries) - {"zarr.json", *map(str, units)}
        self.verified.leftovers += [f"{name}/{group}/{entry}" for entry in sorted(others)]
        content = self.run.folder.read(key)
        if content != group_json({}) and (content is not None or units):
            self.verified.findings.append(
                Finding(
                    name,
                    unquote(group),
                    None,
                    "damaged",
                    "the metadata of the item's group changed or are lost",
                    rewrite={key: group_json({})},
                )
            )

    def _read_unit(
        self,
        store: OpenStore,
        group: str,
        unit: Unit,
        entries: list[str],
        outputs: dict[tuple[str, Unit], Output],
    ) -> None:
        name = store.link.store.name
        place = f"{name}/{group}" if unit is None else f"{name}/{group}/{unit}"
        item_id = self.items[group].id if group in self.items else unquote(group)
        if group_name(item_id) != group:  # shortened, and nothing says from what
            self.verified.unknown.append(place)
            return
        content = self.run.folder.read(f"{place}/zarr.json")
        record = None
        if content is not None:
            self.verified.units += 1
            problem, record = self._examine(store, item_id, unit, content, outputs)
            if problem is not None and self.run.folder.read(f"{place}/zarr.json") != content:
                # Another command has just replaced it: read the new one.
                self.verified.units -= 1
                self._read_unit(store, group, unit, self.run.folder.names(place), outputs)
                return
            if problem is not None:
                kind, reason = problem
                remove = (f"{place}/zarr.json", place)
                self.verified.findings.append(Finding(name, item_id, unit, kind, reason, remove))
                return
        known = {"zarr.json"} | ({record.attempt} if record is not None else set())
        strays = sorted(set(entries) - known)
        self.verified.leftovers += [f"{place}/{entry}" for entry in strays]

    def _examine(
        self,
        store: OpenStore,
        item_id: str,
        unit: Unit,
        content: bytes,
        outputs: dict[tuple[str, Unit], Output],
    ) -> tuple[tuple[str, str] | None, Record | None]:
        """Return the faults of a unit, as kind and reason, and its record."""
        link = store.link
        record = link.store.record(item_id, unit)
        if record is None or not is_group_json(content):
            return ("damaged", "its record changed"), record
        place = link.store.record_key(item_id, unit).removesuffix("zarr.json") + record.attempt
        files = self.run.folder.read_many([f"{place}/{key}" for key in record.files])
        for key, expected, found in zip(record.files, record.files.values(), files, strict=True):
            if found is None:
                return ("damaged", f"{key} is lost"), record
            if zlib.crc32(found) != expected:
                return ("damaged", f"{key} changed"), record
        del files
        try:
            _, output = link.store.read(item_id, unit)
        except DataError as error:
            return ("damaged", str(error.__cause__ or error)), record
        upstream = {
            name: made
            for name in link.upstream
            if (made := _of_unit(outputs, store.chain[name].store.name, unit)) is not None
        }
        try:
            broken = [*broken_invariants(link.name, output, upstream, link.config)]
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            broken = [f"what is there does not fit together: {error}"]
        if broken:
            return ("invalid", "; ".join(broken)), record
        outputs[link.store.name, unit] = output
        outdated = self._outdated(store, item_id, unit, record)
        return (None if outdated is None else ("outdated", outdated)), record

    def _outdated(self, store: OpenStore, item_id: str, unit: Unit, record: Record) -> str | None:
        """Say how a unit's inputs differ from the present files."""
        link = store.link
        item = self.items.get(group_name(item_id))
        if item is not None:
            for part in STAGES[link.name].reads:
                signature, digest = record.inputs.get(part, NO_DATA)
                try:
                    source = PARTS[part].find(item, store.config)
                    now = self.digest_of(source)
                except DataError:
                    continue  # it is not here to be compared
                if isinstance(source, EngineChoice):
                    if signature != source.signature():
                        return "made by another engine than the one chosen now"
                elif now != digest:
                    return f"made from another {part.replace('_', ' ')} than the one there now"
        upstream: dict[str, dict[Unit, str]] = {}
        for name in link.upstream:
            of = unit if STAGES[name].per_count else None
            before = store.chain[name].store.record(item_id, of)
            if before is None:
                return None  # it will be made again, and then this is looked at
            upstream[name] = {of: before.fingerprint}
        digests = dict.fromkeys(LATER_PARTS.intersection(STAGES[link.name].reads), NO_DATA[1])
        digests |= {part: digest for part, (_, digest) in record.inputs.items()}
        if set(digests) != set(STAGES[link.name].reads):
            return "made by an earlier version, which read other parts of the item"
        if fingerprint(link, digests, upstream, unit) != record.fingerprint:
            return "made by another version, or from other upstream results"
        return None


def _of_unit(outputs: Mapping[tuple[str, Unit], Output], store: str, unit: Unit) -> Output | None:
    return outputs.get((store, unit)) or outputs.get((store, None))


def _digest(source: Source | None) -> str:
    """Hash the present content, even if its time of modification is the same."""
    return NO_DATA[1] if source is None else source.digest()
