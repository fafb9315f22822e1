"""Running jobs in a process of its own, so that one that dies costs one item.

OpenCV's superpixels end the whole process on some small or thin images, and for some numbers.
"""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from spam_pipe.pipeline.device import resolve_device
from spam_pipe.pipeline.running.jobs import Failure, Job, Outcome, Task
from spam_pipe.pipeline.running.work import Tell, perform, tell_nobody


class Child:
    """Runs one task after the other in one process beside this one.

    What it knows (kernels, models) it keeps from task to task; when it dies, another one takes
    over, and the jobs of the task at hand are run again one by one: only the guilty one fails.
    """

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def run(
        self,
        tasks: Iterator[Task],
        stopped: Callable[[], bool] = lambda: False,
        tell: Tell = tell_nobody,
    ) -> Iterator[Outcome]:
        """Yield an outcome per job, in order; none after `stopped` says so."""
        for task in tasks:
            if stopped():
                return
            outcomes = self._outcomes(task)
            if outcomes is not None:
                yield from outcomes
                continue
            for job in task:
                if stopped():
                    return
                alone = self._outcomes((job,))
                yield _died(job) if alone is None else alone[0]

    def device(self, requested: str) -> str:
        """Return this machine's device."""
        return resolve_device(requested)

    def close(self) -> None:
        """End the process."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _outcomes(self, task: Task) -> tuple[Outcome, ...] | None:
        """Return a task's outcomes; None where the process died of it, or was given up."""
        if self._pool is None:
            # A fork would take over threads' locks; what is spawned starts clean.
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_ignore_interrupt)
        limits = [job.context.item_timeout for job in task]
        limit = None if None in limits else sum(each or 0.0 for each in limits)
        future: Future[tuple[Outcome, ...]] = self._pool.submit(_perform, task)
        try:
            return future.result(timeout=limit)
        except (BrokenProcessPool, TimeoutError):
            self._kill()
            return None

    def _kill(self) -> None:
        assert self._pool is not None
        for process in list((self._pool._processes or {}).values()):
            process.kill()
        self._pool.shutdown(cancel_futures=True)
        self._pool = None


def _perform(task: Task) -> tuple[Outcome, ...]:
    return tuple(perform(task))


def _ignore_interrupt() -> None:
    """Leave Ctrl-C to the process that gave the tasks: it ends after the item at hand."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _died(job: Job) -> Outcome:
    stage = next(iter(job.work))
    limit = job.context.item_timeout
    reason = (
        "OpenCV ended the process that it ran in, as it does on some small or thin images and for "
        "some numbers; choose another method or number for it"
        if limit is None
        else f"OpenCV ended its process, or gave no result within {limit:g} s (--item-timeout)"
    )
    return Outcome(job.item.id, failure=Failure(stage, "WorkerDied", reason), point=job.point)
