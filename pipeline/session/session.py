"""A command's work: a run, its configurations, its items, and how they are brought up to date."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.pipeline.device import cuda_devices, resolve_device
from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.running.account import Account, Summary
from spam_pipe.pipeline.running.child import Child
from spam_pipe.pipeline.running.dask.executor import Dask
from spam_pipe.pipeline.running.events import Events
from spam_pipe.pipeline.running.executors import Executor, InProcess
from spam_pipe.pipeline.running.jobs import Context, Job, Outcome
from spam_pipe.pipeline.running.plan import plan
from spam_pipe.pipeline.running.runner import Callback, execute
from spam_pipe.pipeline.runs.chain import Chain, build_chain, describe
from spam_pipe.pipeline.runs.failures import Failures
from spam_pipe.pipeline.runs.run import Run, open_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.runs.shard import held, parse_shard
from spam_pipe.pipeline.session.layers import config_layers, refuse_without_effect
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.store.folder import Folder, open_folder
from spam_pipe.stages.methods.names import NEED_OPENCV
from spam_pipe.stages.registry import STAGES


@dataclass(frozen=True)
class Choices:
    """Choices of a command on how it runs its items."""

    overwrite: Collection[str] = ()  # stages to recompute even if done
    skip_failed: bool = False  # leave items alone that failed before
    device: str = "cpu"  # ``cpu``, ``cuda[:i]`` or ``auto``: where tasks run, the executor knows
    item_timeout: float | None = None  # seconds after which an item is given up
    workers: int = 0  # processes of a local cluster; 0 for this process
    scheduler: str | None = None  # address of a Dask scheduler; None for none


@dataclass(frozen=True)
class Session:
    """A command on a run: its items, its configurations and their stages."""

    outputs: Folder  # the folder of all runs
    run: Run  # the run
    # the configurations to bring up to date: the run's own, or the points of a sweep. The jobs of
    # an item are done together, so what the configurations share is computed once.
    configs: tuple[RunConfig, ...]
    selection: Selection  # the items
    target: str  # the last stage
    choices: Choices  # how items are run

    @classmethod
    def open(cls, command: str, options: Options) -> "Session":
        """Resolve what a command means; nothing is written.

        Raises
        ------
        UserError
            When the options are not valid, or the dataset or the device is not there.
        """
        outputs = open_folder(options.outputs)
        layers = list(config_layers(options))
        run = open_run(
            outputs,
            options.run,
            layers,
            starts=command == "run" or options.run is None,
            fresh=command == "run",
            reset=options.reset,
        )
        target = "evaluate" if command in {"run", "report"} else command
        refuse_without_effect(options, run.config, target)
        shard = None if options.shard is None else parse_shard(options.shard)
        return cls(
            outputs=outputs,
            run=run,
            configs=(run.config,),
            selection=Selection(run, options.limit, shard),
            target=target,
            choices=choices_of(options, _overwritten(command, options.overwrite)),
        )

    @cached_property
    def chains(self) -> tuple[Chain, ...]:
        """The stages of each configuration."""
        return tuple(build_chain(each, self.run.folder, self.target) for each in self.configs)

    def held(self, say: Callable[[str], None]) -> AbstractContextManager[None]:
        """Hold the run's lock, or the shard's.

        Raises
        ------
        UserError
            When another command is in the way.
        """
        return held(self.run.folder, self.selection.shard, say)

    def bring_up_to_date(self, executor: Executor, callbacks: Sequence[Callback]) -> Summary:
        """Run all jobs that are missing, stale or failed before; the run's lock is held.

        Parameters
        ----------
        executor
            Where jobs run.
        callbacks
            Told of the work, beside `failures.csv` and `events.csv`.
        """
        chains, selection = self.chains, self.selection
        for chain in chains:
            for link in chain.values():
                link.store.prepare(describe(chain, link.name))
        part = None if selection.shard is None else selection.shard.name
        n_expected = selection.dataset.expected(selection.split)
        account = Account(
            Summary(selection.n_items, n_expected, shard=selection.shard),
            Failures(self.run.folder, part),
            chains,
            self.choices.skip_failed,
        )
        device = executor.device(self.choices.device)
        contexts = [
            Context(each.model_dump_json(), self.run.folder.url, device, self.choices.item_timeout)
            for each in self.configs
        ]
        items = self._jobs(chains, contexts, account)
        n_jobs = selection.n_items * len(self.configs)
        told = (account, Events(self.run.folder, part), _Remember(self.run, account), *callbacks)
        account.summary.interrupted = execute(items, n_jobs, executor, told)
        return account.summary

    def _jobs(
        self, chains: Sequence[Chain], contexts: Sequence[Context], account: Account
    ) -> Iterator[list[Job | None]]:
        """Yield a job per configuration for each item; None where nothing is to be done."""
        failed = frozenset(account.failures.items)
        plans = [
            plan(
                self.selection,
                chain,
                config,
                self.run.folder,
                failed=failed,
                overwrite=self.choices.overwrite,
            )
            for chain, config in zip(chains, self.configs, strict=True)
        ]
        for planned in zip(*plans, strict=True):
            jobs: list[Job | None] = []
            for point, each in enumerate(planned):
                work = account.missing(each, point)
                jobs.append(Job(each.item, work, contexts[point], point) if work else None)
            yield jobs


class _Remember(Callback):
    """Keeps the options of a command once a result came out with them."""

    def __init__(self, run: Run, account: Account) -> None:
        self._run, self._account = run, account
        self._remembered = False

    def finished(self, outcome: Outcome) -> None:
        """Keep them after the first item that did not fail."""
        if outcome.failure is None:
            self._remember()

    def end(self) -> None:
        """Keep them where all results were there before."""
        if self._account.summary.complete:
            self._remember()

    def _remember(self) -> None:
        if not self._remembered:
            self._run.remember()
            self._remembered = True


def choices_of(options: Options, overwrite: Collection[str]) -> Choices:
    """Return how items are run.

    Raises
    ------
    ConfigError
        When options contradict each other.
    """
    if options.scheduler is not None and options.workers:
        raise ConfigError("--workers and --scheduler: give one of them")
    address = r"(\w+://)?(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):\d{1,5}"
    if options.scheduler is not None and not re.fullmatch(address, options.scheduler):
        raise ConfigError(
            f"--scheduler {options.scheduler}: write an address such as tcp://10.0.0.5:8786"
        )
    return Choices(
        overwrite=overwrite,
        skip_failed=options.skip_failed,
        device=options.device,
        item_timeout=options.item_timeout,
        workers=options.workers,
        scheduler=options.scheduler,
    )


@contextmanager
def opened_executor(
    choices: Choices, configs: Sequence[RunConfig], warn: Callable[[str], None]
) -> Iterator[Executor]:
    """Open the executor that `--workers` and `--scheduler` ask for, and close it at the end.

    On ``cuda`` without a number, local workers share out this machine's devices. Without workers,
    methods of OpenCV's, which may end their process, run in one beside this one.
    """
    may_die = any(config.segment.method in NEED_OPENCV for config in configs)
    executor: Executor = Child() if may_die else InProcess()
    if choices.scheduler is not None or choices.workers:
        here = choices.scheduler is None
        devices = cuda_devices() if here and resolve_device(choices.device) == "cuda" else ()
        executor = Dask(choices.workers, choices.scheduler, devices=devices, warn=warn)
    try:
        yield executor
    finally:
        executor.close()


def _overwritten(command: str, overwrite: bool) -> tuple[str, ...]:
    if not overwrite:
        return ()
    if command == "run":
        return tuple(STAGES)
    return ("evaluate",) if command == "report" else (command,)
