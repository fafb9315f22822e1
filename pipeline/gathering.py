"""What a run's stores hold of a selection of items: rows of tables, states, provenance."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.chain import Chain, build_chain, described_config, prior_of
from pipeline.config import RunConfig
from pipeline.failures import FailedItem, Failures
from pipeline.plan import NO_DATA, ItemPlan, State, plan
from pipeline.run import Run
from pipeline.runner import Selection
from pipeline.store import Record, Store
from pipeline.sweep_record import SweepRecord, config_name, read_record
from stages.base import Unit

_OF_WEIGHTS = ("weights", "checkpoint")
"""How the names of parts end that are the same file for all items."""


@dataclass
class Evaluated:
    """One method of a run: an evaluation's configuration and what is there of it.

    Attributes
    ----------
    config, chain
        How it is made.
    key
        Its dataset, split, method, prior and config, as tables name them.
    swept
        Its label if it is a point of the run's sweep.
    n_done, n_wanted
        Results that are in, and that were asked for.
    versions, devices
        What its results were computed with: versions by package.
    weights
        Digest by the part that was read.
    seconds
        Stage, requested count (None where it does not matter) and seconds of every result.
    """

    config: RunConfig
    chain: Chain
    key: tuple[str, str, str, str, str]
    swept: str | None
    n_done: int = 0
    n_wanted: int = 0
    versions: dict[str, set[str]] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    weights: dict[str, str] = field(default_factory=dict)
    seconds: list[tuple[str, Unit, float]] = field(default_factory=list)

    def note(self, planned: ItemPlan) -> None:
        """Take in what the records of one item say."""
        states = planned.states["evaluate"].values()
        self.n_wanted += len(states)
        self.n_done += sum(state is State.DONE for state in states)
        for (stage, unit), record in planned.records.items():
            self._note_record(record)
            self.seconds.append((stage, unit, float(record.provenance["seconds"])))

    def _note_record(self, record: Record) -> None:
        self.devices.add(str(record.provenance["device"]))
        for package, version in record.provenance["versions"].items():
            self.versions.setdefault(package, set()).add(version)
        for part, (_, digest) in record.inputs.items():
            if part.endswith(_OF_WEIGHTS) and digest != NO_DATA[1]:
                self.weights[part] = digest


@dataclass
class Gathered:
    """All that a report stands on.

    Attributes
    ----------
    rows
        Of the metric table.
    failed
        How many images failed, by the keys of the summary table.
    failures
        The failed items themselves.
    methods
        Every evaluation that the run's folder holds.
    sweep
        The run's sweep, if it has one.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    failed: Counter[tuple[str, str, str, str, str, int]] = field(default_factory=Counter)
    failures: list[FailedItem] = field(default_factory=list)
    methods: list[Evaluated] = field(default_factory=list)
    sweep: SweepRecord | None = None


def gather(run: Run, selection: Selection) -> Gathered:
    """Read the records of all methods that the run's folder holds."""
    gathered = Gathered(sweep=read_record(run.folder))
    known = Failures(run.folder).items
    failures: dict[tuple[str, str], FailedItem] = {}
    for method in _evaluations(run, selection, gathered.sweep):
        gathered.methods.append(method)
        names = ("dataset", "split", "method", "prior", "config")
        shared = dict(zip(names, method.key, strict=True))
        stores = [link.store.name for link in method.chain.values()]
        for planned in plan(selection, method.chain, method.config, run.folder):
            method.note(planned)
            item = planned.item.id
            found = {
                (store, item): known[store, item] for store in stores if (store, item) in known
            }
            for unit, state in planned.states["evaluate"].items():
                if state is State.DONE:
                    gathered.rows.append({**shared, **_row(planned, unit)})
                elif found:
                    gathered.failed[(*method.key, int(unit or 0))] += 1
                    failures |= found
    gathered.failures = [failures[key] for key in sorted(failures)]
    return gathered


def reference_method(run: Run, gathered: Gathered) -> Evaluated | None:
    """Return the method to compare others with: the sweep's reference, else the run's own."""
    if gathered.sweep is not None and gathered.sweep.reference:
        label = gathered.sweep.reference
        return next((method for method in gathered.methods if method.swept == label), None)
    own = build_chain(run.config, run.folder)["evaluate"].store.name
    stores = (method.chain["evaluate"].store.name for method in gathered.methods)
    return next(
        (method for method, name in zip(gathered.methods, stores, strict=True) if name == own), None
    )


def _evaluations(run: Run, selection: Selection, sweep: SweepRecord | None) -> Iterator[Evaluated]:
    """Yield every evaluation in the run's folder, by store name."""
    labels: Mapping[str, str] = {} if sweep is None else sweep.labels
    for name in run.folder.names():
        if name.startswith("evaluate-") and name.endswith(".zarr"):
            description = Store(run.folder, name).describe()
            config = described_config(description or {}, run.config)
            if config is None:
                continue
            chain = build_chain(config, run.folder)
            if chain["evaluate"].store.name == name:
                key = (
                    config.dataset.name,
                    selection.split,
                    config.segment.method,
                    prior_of(chain),
                    config_name(chain, sweep),
                )
                yield Evaluated(config, chain, key, labels.get(name))


def _row(planned: ItemPlan, unit: int | None) -> dict[str, Any]:
    found = planned.records["evaluate", unit].attributes
    segmented = planned.records.get(("segment", unit))
    notes = [found.get("note") or ""]
    if segmented is not None:
        notes.insert(0, segmented.attributes.get("note") or "")
    return {
        "image": planned.item.id,
        "n_requested": found["n_requested"],
        "n_superpixels": found["n_superpixels"],
        **found["metrics"],
        "n_annotators": found["n_annotators"],
        "seconds": None if segmented is None else segmented.provenance["seconds"],
        "note": "; ".join(note for note in notes if note),
    }
