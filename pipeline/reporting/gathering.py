"""The contents of a run's stores for a selection of items: rows of tables, states, provenance."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.pipeline.configuration.sizes import say_size
from spam_pipe.pipeline.datasets.images.bands import said_of
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.reporting.left_out import LeftOut, described_method, stored_otherwise
from spam_pipe.pipeline.running.parts import NO_DATA
from spam_pipe.pipeline.running.plan import ItemPlan, State, plan
from spam_pipe.pipeline.runs.chain import Chain, build_chain, described_config, prior_of
from spam_pipe.pipeline.runs.failures import FailedItem, Failures
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.runs.sweep_record import SweepRecord, config_name, read_record
from spam_pipe.pipeline.store.record import Record
from spam_pipe.pipeline.store.store import Store
from spam_pipe.pipeline.units import Unit
from spam_pipe.stages.report.series import MethodKey
from spam_pipe.stages.report.tables import Group

_OF_WEIGHTS = ("weights", "checkpoint")
"""Ends of the names of parts that are one file for all items."""

_COUNTS = ("n_requested", "n_superpixels", "n_annotators")


@dataclass
class Evaluated:
    """One method of a run: an evaluation's configuration and what is there of it."""

    # how it is made
    config: RunConfig
    chain: Chain
    key: MethodKey  # its method, prior and config, as tables name them
    swept: str | None  # its label if it is a point of the run's sweep
    # item and unit of the results that are in and up to date, and how many were asked for
    done: set[tuple[str, Unit]] = field(default_factory=set)
    n_wanted: int = 0
    n_outdated: int = 0  # images with results that are out of date and did not fail
    # what its results were computed with: versions by package
    versions: dict[str, set[str]] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    weights: dict[str, str] = field(default_factory=dict)  # digest by the part that was read
    # stage, requested count (None where it does not matter) and seconds of every result
    seconds: list[tuple[str, Unit, float]] = field(default_factory=list)

    @property
    def n_done(self) -> int:
        """How many results are in."""
        return len(self.done)

    def note(self, planned: ItemPlan, wanted: Collection[Unit]) -> None:
        """Take in the records of one item; a number that was not asked for now is a bonus."""
        for unit, state in planned.states["evaluate"].items():
            self.n_wanted += unit in wanted or state is State.DONE
            if state is State.DONE:
                self.done.add((planned.item.id, unit))
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
    """All that a report stands on."""

    rows: list[dict[str, Any]] = field(default_factory=list)  # of the metric table
    # how many images failed, by the keys of the summary table
    failed: Counter[Group] = field(default_factory=Counter)
    failures: list[FailedItem] = field(default_factory=list)  # the failed items themselves
    # every evaluation that the run's folder holds
    methods: list[Evaluated] = field(default_factory=list)
    sweep: SweepRecord | None = None  # the run's sweep, if it has one
    # for superpixels asked for by size: the number in tables, which is the mean over images of what
    # their size asks for, and the size
    units: dict[int, str] = field(default_factory=dict)
    # results that the folder holds and the rows do not
    left_out: list[LeftOut] = field(default_factory=list)

    def unit_of(self, count: int) -> int | str:
        """Return the unit that a number in the tables stands for."""
        return self.units.get(count, count)

    def say_asked(self, count: int) -> str:
        """Return what a number in the tables stands for, as titles have it."""
        return f"size {self.sizes[count]}" if count in self.units else f"K = {count}"

    @property
    def sizes(self) -> dict[int, str]:
        """The sizes that numbers in the tables stand for, as a person reads them."""
        return {count: say_size(size) for count, size in self.units.items()}


def gather(run: Run, selection: Selection) -> Gathered:
    """Read the records of all methods that the run's folder holds."""
    gathered = Gathered(sweep=read_record(run.folder))
    known = Failures(run.folder).items
    failures: dict[tuple[str, str], FailedItem] = {}
    rows: list[tuple[Unit, dict[str, Any]]] = []
    failed: Counter[tuple[MethodKey, Unit]] = Counter()
    dataset = run.images
    for method in _evaluations(run, selection, gathered):
        gathered.methods.append(method)
        shared = {"dataset": dataset, "split": selection.split, **vars(method.key)}
        stores = [link.store.name for link in method.chain.values()]
        for planned in plan(selection, method.chain, method.config, run.folder):
            try:
                method.note(planned, run.config.units)
                made = _rows(planned)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DataError(
                    f"{run.folder}: a record of {planned.item.id} is not what spam-pipe writes; "
                    "run `spam-pipe verify --repair`, then the same command"
                ) from error
            item = planned.item.id
            found = {
                (store, item): known[store, item] for store in stores if (store, item) in known
            }
            for unit, state in planned.states["evaluate"].items():
                if state is State.DONE:
                    rows.append((unit, {**shared, **made[unit]}))
                elif found:
                    failed[method.key, unit] += 1
                    failures |= found
            outdated = State.STALE in planned.states["evaluate"].values()
            method.n_outdated += outdated and not found
        if older := _not_shown(run, method, {unit for key, unit in failed if key == method.key}):
            gathered.left_out.append(older)
    counts = _nominal_counts(rows, {unit for _, unit in failed if isinstance(unit, str)})
    gathered.units = {count: size for size, count in counts.items()}
    for unit, row in rows:
        own = {} if not isinstance(unit, str) else {"n_requested": counts[unit]}
        gathered.rows.append({**row, **own})
    for (key, unit), number in failed.items():
        count = counts[unit] if isinstance(unit, str) else int(unit or 0)
        gathered.failed[(dataset, selection.split, *key.values, count)] = number
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


def _evaluations(run: Run, selection: Selection, gathered: Gathered) -> Iterator[Evaluated]:
    """Yield every evaluation in the run's folder, by store name; note those left out."""
    sweep = gathered.sweep
    names = set(run.folder.names())
    labels: Mapping[str, str] = {} if sweep is None else sweep.labels
    asked = run.counts()
    for name in sorted(names):
        if not (name.startswith("evaluate-") and name.endswith(".zarr")):
            continue
        description = Store(run.folder, name).describe() or {}
        config = described_config(description, run.config)
        if config is not None and not config.superpixel_size:  # every K that the run was asked for
            counts = tuple(sorted({*config.n_superpixels, *asked}))
            config = config.model_copy(update={"n_superpixels": counts})
        chain = {} if config is None else build_chain(config, run.folder)
        if config is None or chain["evaluate"].store.name != name:
            made_anew = bool(chain) and chain["evaluate"].store.name in names
            older = stored_otherwise(run.folder, name, described_method(description), config)
            if older is not None and not made_anew:
                gathered.left_out.append(older)
            continue
        key = MethodKey(config.segment.method, prior_of(chain), config_name(chain, sweep))
        yield Evaluated(config, chain, key, labels.get(name))


def _not_shown(run: Run, method: Evaluated, failed: Collection[Unit]) -> LeftOut | None:
    """Return what is there of a method and out of date, or for other counts than those asked."""
    store = method.chain["evaluate"].store.name
    if method.n_outdated:
        return LeftOut(store, method.key.method, method.n_outdated, method.config)
    if method.n_done or failed:
        return None
    return stored_otherwise(run.folder, store, method.key.method, method.config)


def _nominal_counts(
    rows: list[tuple[Unit, dict[str, Any]]], failed: Collection[str]
) -> dict[str, int]:
    """Return a number for each size: the mean of those asked for, different ones for each.

    Without any result the number asked for is unknown: 0 stands for it.
    """
    asked: dict[str, list[int]] = {size: [] for size in failed}
    for unit, row in rows:
        if isinstance(unit, str):
            asked.setdefault(unit, []).append(row["n_requested"])
    counts: dict[str, int] = {}
    for size in sorted(asked, key=lambda size: (float(size.rstrip("pxm")), size), reverse=True):
        count = round(sum(asked[size]) / max(1, len(asked[size])))
        while count in counts.values():  # images so small that sizes ask for the same
            count += 1
        counts[size] = count
    return counts


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, int | float)


def _rows(planned: ItemPlan) -> dict[Unit, dict[str, Any]]:
    states = planned.states["evaluate"].items()
    return {unit: _row(planned, unit) for unit, state in states if state is State.DONE}


def _row(planned: ItemPlan, unit: Unit) -> dict[str, Any]:
    from spam_pipe.stages.report.tables import MEASURES

    found = planned.records["evaluate", unit].attributes
    numbers = {**found["metrics"], **{name: found[name] for name in _COUNTS}}
    if not numbers.keys() <= {*MEASURES, *_COUNTS} or not all(map(_is_number, numbers.values())):
        raise ValueError("other metrics than there are")
    segmented = planned.records.get(("segment", unit))
    # A level of a hierarchy takes the hierarchy, however many levels share it.
    makers = [planned.records.get(("hierarchy", None)), segmented]
    seconds = sum(maker.provenance["seconds"] for maker in makers if maker is not None)
    notes = [found.get("note") or ""]
    if isinstance(unit, str):
        notes.insert(0, f"size {say_size(unit)}: K = {found['n_requested']}")
    if segmented is not None:
        notes.insert(0, segmented.attributes.get("note") or "")
    # Choices that showed the image; recorded with every stage that read it.
    notes.append(said_of(planned.records["evaluate", unit].provenance.get("image", {})))
    return {
        "image": planned.item.id,
        "n_requested": found["n_requested"],
        "n_superpixels": found["n_superpixels"],
        **found["metrics"],
        "n_annotators": found["n_annotators"],
        "seconds": None if segmented is None else seconds,
        "note": "; ".join(note for note in notes if note),
    }
