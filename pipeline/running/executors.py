"""Executors of jobs: the protocol, and this process."""

from collections.abc import Callable, Iterator
from typing import Protocol

from spam_pipe.pipeline.device import resolve_device
from spam_pipe.pipeline.running.jobs import Outcome, Task
from spam_pipe.pipeline.running.work import Tell, perform, tell_nobody, time_limit


class Executor(Protocol):
    """Runs tasks in any order."""

    def run(
        self, tasks: Iterator[Task], stopped: Callable[[], bool] = ..., tell: Tell = ...
    ) -> Iterator[Outcome]:
        """Yield an outcome per job as its task completes; `tasks` is read as room appears.

        Once `stopped` says so, jobs that have not begun may be left out. Executors that work in
        this process tell the item and the stage at hand.
        """
        ...

    def device(self, requested: str) -> str:
        """Return ``cpu`` or ``cuda[:i]`` for what `--device` asks, where the tasks run.

        Raises
        ------
        UserError
            When the device asked for is not there.
        """
        ...

    def close(self) -> None:
        """Give back processes and connections."""
        ...


class InProcess:
    """Runs one job after the other here; the kernels use all cores."""

    def run(
        self,
        tasks: Iterator[Task],
        stopped: Callable[[], bool] = lambda: False,
        tell: Tell = tell_nobody,
    ) -> Iterator[Outcome]:
        """Yield an outcome per job, in order; none after `stopped` says so."""
        for task in tasks:
            outcomes = perform(task, tell=tell)
            for job in task:
                if stopped():
                    return
                with time_limit(job.context.item_timeout):
                    outcome = next(outcomes)
                yield outcome

    def device(self, requested: str) -> str:
        """Return this process's device."""
        return resolve_device(requested)

    def close(self) -> None:
        """Nothing to give back."""
