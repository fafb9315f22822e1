"""The work on one item in one process: load, run the missing stages, store."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from threading import RLock
from typing import Any

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.pipeline.configuration.sizes import count_for, say_size
from spam_pipe.pipeline.datasets.user_files.valid import ValidPixels, digest_of_mask
from spam_pipe.pipeline.errors import one_line
from spam_pipe.pipeline.items import ImageSource, Picture, Source
from spam_pipe.pipeline.running.jobs import Failure, Job, Outcome, Task
from spam_pipe.pipeline.running.parts import NO_DATA, PARTS, EngineChoice
from spam_pipe.pipeline.running.plan import fingerprint
from spam_pipe.pipeline.runs.chain import Chain, Link, build_chain
from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.pipeline.units import Unit
from spam_pipe.pipeline.versions import decisive_versions
from spam_pipe.stages.base import Inputs, Output, StageConfig
from spam_pipe.stages.registry import STAGES, stage

_COMPUTING = RLock()
"""Held while an item computes: the kernels take all cores, a device one item after the other. A
worker's other thread loads or stores its item meanwhile. A thread that an alarm interrupted before
it gave the lock back must not lock itself out."""

Judge = Callable[[Link, str, Unit, Output], Output]
"""Given a link, an item, a unit and what was made; returns what later stages read instead."""


Tell = Callable[[str, str], None]
"""Told of an item and the stage that begins."""


def tell_nobody(item_id: str, stage: str) -> None:
    """Drop it."""


def perform(task: Task, judge: Judge | None = None, tell: Tell = tell_nobody) -> Iterator[Outcome]:
    """Run a task's jobs, each when the next outcome is asked for.

    An exception becomes part of the outcome, so that one item harms no other. Results are stored,
    or, where there is a judge, given to it instead.
    """
    shared = _Shared(judge, tell)
    for job in task:
        yield _ItemRun(job, shared).outcome()


@dataclass
class _Shared:
    """The data that a task's jobs share."""

    judge: Judge | None = None  # takes the results; None to store them
    tell: Tell = tell_nobody  # told of each stage that begins
    # the item's parts as last loaded: source, signature and digest, content
    parts: dict[str, tuple[Source, tuple[str, str], Any]] = field(default_factory=dict)
    # units made and stores failed by earlier jobs, which need no second try
    made: set[tuple[str, Unit]] = field(default_factory=set)
    failed: dict[str, Failure] = field(default_factory=dict)


class _ItemRun:
    """A job while it runs: its parts and upstream results are loaded once, when first needed."""

    def __init__(self, job: Job, shared: _Shared) -> None:
        self.item = job.item
        self.job = job
        self.shared = shared
        self.device = job.context.device
        self.config, self.chain = _open_run(job.context.config_json, job.context.run_url)
        self.made: dict[tuple[str, Unit], Output] = {}
        self.fingerprints: dict[str, dict[Unit, str]] = {}
        self.seconds: dict[tuple[str, Unit], tuple[float, float]] = {}
        self.notes: list[str] = []
        self.parts: dict[str, Any] = {}
        self.identities: dict[str, tuple[str, str]] = {}
        self.counts: dict[str, int] = {}

    def outcome(self) -> Outcome:
        failure = None
        current = next(iter(self.job.work), "")
        try:
            for current, units in self.job.work.items():
                name = self.chain[current].store.name
                if failure := self.shared.failed.get(name):
                    break
                missing = tuple(unit for unit in units if (name, unit) not in self.shared.made)
                if missing:
                    self.shared.tell(self.item.id, current)
                    self.run_stage(self.chain[current], missing)
        except Exception as error:
            kind, message = type(error).__name__, one_line(error)
            failure = Failure(current, kind, message or kind)
            self.shared.failed[self.chain[current].store.name] = failure
        notes = tuple(self.notes)
        return Outcome(self.item.id, self.seconds, failure, notes, self.job.point)

    def run_stage(self, link: Link, units: tuple[Unit, ...]) -> None:
        # Planning and looking import this file: numba is for those that compute.
        from spam_pipe.stages.compiled import seconds_compiling

        worker = stage(link.name)
        started = time.perf_counter()
        inputs = self.inputs(link, units)
        counts = [self.count_of(unit) for unit in units]
        loading = time.perf_counter() - started
        with _COMPUTING:
            resources = _resources(link.name, link.config, self.device)
        results = worker.run(inputs, link.config, resources, counts)
        for unit in units:
            with _COMPUTING:
                begun, compiling = time.perf_counter(), seconds_compiling()
                output = next(results)
                computed = time.perf_counter()
                own = computed - begun - (seconds_compiling() - compiling)
            self.store(link, unit, output, own)
            overhead = loading + time.perf_counter() - computed
            self.seconds[link.name, unit] = own, overhead
            loading = 0.0
            if note := output.attributes.get("note"):
                self.notes.append(f"{link.name}{_said(unit)}: {note}")

    def inputs(self, link: Link, units: tuple[Unit, ...]) -> Inputs:
        read: dict[str, Any] = {}
        for name in STAGES[link.name].reads:
            self.load(name)
            field = PARTS[name].field
            if field is not None and self.parts[name] is not None:
                read[field] = self.parts[name]
        if "image" in read:
            read |= {"image": self.picture().pixels, "bands": self.picture().bands}
        upstream = {
            name: {
                self.count_of(unit): self.upstream_output(name, unit)
                for unit in self.units_of(name, units)
            }
            for name in link.upstream
        }
        digest = self.identities.get("image", NO_DATA)[1]
        return Inputs(**read, image_digest=digest, upstream=upstream)

    def reading_facts(self, link: Link) -> dict[str, Any]:
        """Return how the image's samples became colours, where that had to be chosen."""
        facts = self.picture().facts if "image" in STAGES[link.name].reads else {}
        return {"image": dict(facts)} if facts else {}

    def units_of(self, name: str, units: tuple[Unit, ...]) -> tuple[Unit, ...]:
        return units if self.chain[name].units != (None,) else (None,)

    def count_of(self, unit: Unit) -> int | None:
        """Return the number of superpixels that a unit asks for."""
        if not isinstance(unit, str):
            return unit
        if unit not in self.counts:
            self.load("valid")
            valid = self.parts["valid"]
            height, width, _ = self.picture().pixels.shape
            n_pixels = height * width if valid is None else int(valid.sum())
            self.counts[unit] = count_for(unit, n_pixels, (height, width), self.item)
        return self.counts[unit]

    def picture(self) -> Picture:
        self.load("image")
        picture: Picture = self.parts["image"]
        return picture

    def load(self, part: str) -> None:
        if part in self.identities:
            return
        source = PARTS[part].find(self.item, self.config)
        if source is None:
            self.parts[part], self.identities[part] = None, NO_DATA
            return
        known = self.shared.parts.get(part)
        if known is None or known[0] != source:
            known = source, *self.read(source)
            self.shared.parts[part] = known
        _, self.identities[part], self.parts[part] = known

    def read(self, source: Source) -> tuple[tuple[str, str], Any]:
        """Return a source's signature and digest, and what it holds; images are decoded once."""
        if isinstance(source, ImageSource):
            return (source.signature(), source.digest()), source.picture()
        if isinstance(source, ValidPixels):
            valid = source.of(self.picture())
            return (source.signature(), digest_of_mask(valid)), valid
        if isinstance(source, EngineChoice):
            return (source.signature(), source.digest(self.device)), None
        return (source.signature(), source.digest()), source.read()

    def upstream_output(self, name: str, unit: Unit) -> Output:
        if (name, unit) not in self.made:
            record, self.made[name, unit] = self.chain[name].store.read(self.item.id, unit)
            self.fingerprints.setdefault(name, {})[unit] = record.fingerprint
        return self.made[name, unit]

    def store(self, link: Link, unit: Unit, output: Output, seconds: float) -> None:
        digests = {part: identity[1] for part, identity in self.identities.items()}
        own = fingerprint(link, digests, self.fingerprints, unit)
        if self.shared.judge is not None:
            output = self.shared.judge(link, self.item.id, unit, output)
        else:
            link.store.write(
                self.item.id,
                unit,
                output,
                fingerprint=own,
                inputs={part: self.identities[part] for part in STAGES[link.name].reads},
                provenance={
                    "seconds": round(seconds, 6),
                    "device": self.device,
                    "versions": decisive_versions(),
                    **self.reading_facts(link),
                },
            )
        self.made[link.name, unit] = output
        self.shared.made.add((link.store.name, unit))
        self.fingerprints.setdefault(link.name, {})[unit] = own


def _said(unit: Unit) -> str:
    if unit is None:
        return ""
    return f" (size {say_size(unit)})" if isinstance(unit, str) else f" (K = {unit})"


@lru_cache(maxsize=64)
def _open_run(config_json: str, run_url: str) -> tuple[RunConfig, Chain]:
    config = RunConfig.model_validate_json(config_json)
    return config, build_chain(config, open_folder(run_url))


@lru_cache(maxsize=64)
def _resources(name: str, config: StageConfig, device: str) -> Any:
    """Build a stage's models and kernels once per process."""
    return stage(name).setup(config, device)


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `TimeoutError` in the main thread when the body takes longer."""
    if seconds is None:
        yield
        return

    def give_up(*_: object) -> None:
        raise TimeoutError(f"gave no result within {seconds:g} s (--item-timeout)")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
