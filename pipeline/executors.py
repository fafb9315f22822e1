"""Where jobs run: in this process, on worker processes of this machine, or on a Dask cluster."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from pipeline.errors import UserError
from pipeline.work import Failure, Job, Outcome, Task, perform, time_limit

_WINDOW = 3
"""Tasks in flight per worker: enough to hide the way there and back, few enough to stay small."""

_GIVEN_UP = 71
"""Exit status of a worker process that ended itself because its item took too long."""


class Executor(Protocol):
    """Runs tasks in any order."""

    def run(self, tasks: Iterator[Task], stopped: Callable[[], bool] = ...) -> Iterator[Outcome]:
        """Yield an outcome per job as its task completes; `tasks` is read as room appears.

        Once `stopped` says so, jobs that nobody works on yet may be left out.
        """
        ...

    def close(self) -> None:
        """Give back processes and connections."""
        ...


class InProcess:
    """Runs one job after the other here; the kernels use all cores."""

    def run(
        self, tasks: Iterator[Task], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[Outcome]:
        """Yield an outcome per job, in order; none after `stopped` says so."""
        for task in tasks:
            outcomes = perform(task)
            for job in task:
                if stopped():
                    return
                with time_limit(job.context.item_timeout):
                    outcome = next(outcomes)
                yield outcome

    def close(self) -> None:
        """Nothing to give back."""


class Dask:
    """Runs tasks on Dask workers: a local cluster of processes, or a scheduler that is there.

    Parameters
    ----------
    workers
        Processes of a local cluster, one thread of Python each.
    scheduler
        Address of an existing scheduler; then `workers` must be 0.

    Raises
    ------
    UserError
        When the scheduler does not answer.
    """

    def __init__(self, workers: int, scheduler: str | None = None) -> None:
        import dask
        from distributed import Client, LocalCluster

        # Without these bounds the scheduler's logs grow with the number of items.
        dask.config.set(
            {
                "distributed.admin.low-level-log-length": 100,
                "distributed.admin.log-length": 100,
                "distributed.scheduler.allowed-failures": 0,
                "distributed.nanny.pre-spawn-environ": _worker_environment(workers),
                # Dask sets the above in this process too, and numba minds a change.
                "distributed.nanny.environ": {"NUMBA_NUM_THREADS": _worker_threads(workers)},
            }
        )
        self.cluster = None
        try:
            if scheduler is not None:
                self.client = Client(scheduler, timeout="10s", set_as_default=False)
            else:
                with _interrupts_ignored():  # the coordinator alone decides when to stop
                    self.cluster = LocalCluster(
                        n_workers=workers,
                        threads_per_worker=1,
                        processes=True,
                        dashboard_address="127.0.0.1:0",
                        silence_logs=logging.CRITICAL,
                    )
                    self.client = Client(self.cluster, set_as_default=False)
        except (OSError, TimeoutError) as error:
            where = scheduler or "a local cluster"
            raise UserError(
                f"--scheduler: no Dask scheduler answers at {where}: {error}; start one with "
                "`dask scheduler`, or use --workers N"
            ) from error

    def run(
        self, tasks: Iterator[Task], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[Outcome]:
        """Yield outcomes as they come; jobs whose worker died run again, each alone."""
        from distributed import as_completed

        suspects: list[Task] = []
        running: dict[Any, Task] = {}
        completed = as_completed(loop=self.client.loop)

        def fill() -> None:
            room = _WINDOW * max(1, self._n_threads())
            while len(running) < room:
                task = next(tasks, None)
                if task is None:
                    return
                future = self._submit(task)
                running[future] = task
                completed.add(future)

        fill()
        while running:
            future = next(completed)
            task = running.pop(future)
            outcomes = _result(future)
            if outcomes is None:
                suspects.append(task)
            else:
                yield from outcomes
            del future
            fill()
        for task in suspects:
            for job in task:
                if stopped():
                    return
                yield self._run_alone(job)

    def close(self) -> None:
        """Leave the scheduler; end the local cluster."""
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()

    def _n_threads(self) -> int:
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(worker["nthreads"] for worker in workers)

    def _submit(self, task: Task) -> Any:
        return self.client.submit(_perform_watched, task, pure=False, retries=0)

    def _run_alone(self, job: Job) -> Outcome:
        """Run a job whose worker died once more with nothing beside it, to know who is guilty."""
        started = time.monotonic()
        outcomes = _result(self._submit((job,)))
        if outcomes is not None:
            return outcomes[0]
        limit = job.context.item_timeout
        if limit is not None and time.monotonic() - started >= limit:
            reason = f"gave no result within {limit:g} s (--item-timeout)"
            failure = Failure(next(iter(job.work)), "TimeoutError", reason)
        else:
            reason = (
                "its worker process died twice (killed, crashed or out of memory); "
                "try it alone with --workers 0"
            )
            failure = Failure(next(iter(job.work)), "WorkerDied", reason)
        return Outcome(job.item.id, failure=failure, point=job.point)


def make_executor(workers: int, scheduler: str | None) -> Executor:
    """Return the executor that `--workers` and `--scheduler` ask for."""
    if scheduler is None and workers == 0:
        return InProcess()
    return Dask(workers, scheduler)


def _perform_watched(task: Task) -> tuple[Outcome, ...]:
    """Run a task in a worker; a hung job takes its process along: threads can't be killed."""
    outcomes = perform(task)
    return tuple(_watched(outcomes, job.context.item_timeout) for job in task)


def _watched(outcomes: Iterator[Outcome], limit: float | None) -> Outcome:
    if limit is None:
        return next(outcomes)
    watchdog = threading.Timer(limit, os._exit, (_GIVEN_UP,))
    watchdog.daemon = True
    watchdog.start()
    try:
        return next(outcomes)
    finally:
        watchdog.cancel()


def _result(future: Any) -> tuple[Outcome, ...] | None:
    """Return a task's outcomes; None when its worker died."""
    from distributed.scheduler import KilledWorker

    try:
        outcomes: tuple[Outcome, ...] = future.result()
    except KilledWorker:
        return None
    return outcomes


def _worker_environment(workers: int) -> dict[str, int]:
    """Share the cores, threads x workers = cores, and keep freed memory for the next image.

    Dask's own setting gives memory back at every chance: each large array is then mapped, zeroed
    and unmapped anew, which takes longer than many a kernel.
    """
    names = ("OMP", "MKL", "OPENBLAS")
    limits = {f"{name}_NUM_THREADS": _worker_threads(workers) for name in names}
    return limits | {"MALLOC_TRIM_THRESHOLD_": 2**28, "MALLOC_MMAP_THRESHOLD_": 2**25}


def _worker_threads(workers: int) -> int:
    return max(1, len(os.sched_getaffinity(0)) // max(1, workers))


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Start child processes that Ctrl-C does not reach: they inherit an ignored signal."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
