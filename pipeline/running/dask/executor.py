"""Tasks on Dask workers, a bounded window in flight."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from spam_pipe.pipeline.device import resolve_device
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.running.dask.agreement import (
    connect,
    require_agreement,
    require_same_versions,
)
from spam_pipe.pipeline.running.dask.local_cluster import start_local_cluster
from spam_pipe.pipeline.running.dask.memory import forget_names
from spam_pipe.pipeline.running.jobs import Failure, Job, Outcome, Task
from spam_pipe.pipeline.running.work import Tell, perform, tell_nobody
from spam_pipe.pipeline.versions import Versions, differences, own_versions

_WINDOW = 3
"""Tasks in flight per worker: enough to hide the way there and back, few enough to stay small."""


_GIVEN_UP = 71
"""Exit status of a worker process that ended itself because its item took too long."""


class Dask:
    """Runs tasks on Dask workers: a local cluster of processes, or a scheduler that is there.

    Parameters
    ----------
    workers
        Processes of a local cluster, one thread of Python each.
    scheduler
        Address of an existing scheduler; then `workers` must be 0.
    devices
        CUDA devices that the local workers share out, each getting one to itself while there are
        enough. Such a worker has two threads: an item is loaded or stored while another computes.
    warn
        Called with a line about what the user should know.

    Raises
    ------
    UserError
        When the scheduler does not answer, or workers have other versions than this process.
    """

    def __init__(
        self,
        workers: int,
        scheduler: str | None = None,
        *,
        devices: Sequence[str] = (),
        warn: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.scheduler = scheduler
        self.warn = warn
        self.versions = own_versions()
        self.cluster = None
        try:
            if scheduler is not None:
                self.client = connect(scheduler)
            else:
                self.cluster, self.client = start_local_cluster(workers, devices)
        except (OSError, TimeoutError) as error:
            where = scheduler or "a local cluster"
            raise UserError(
                f"--scheduler: no Dask scheduler answers at {where}: {error}; start one with "
                "`dask scheduler`, or use --workers N"
            ) from error
        if scheduler is not None:
            try:
                self._meet_workers(scheduler)
            except BaseException:
                self.close()
                raise

    def run(
        self,
        tasks: Iterator[Task],
        stopped: Callable[[], bool] = lambda: False,
        tell: Tell = tell_nobody,
    ) -> Iterator[Outcome]:
        """Yield outcomes as they come; jobs whose worker died run again, each alone."""
        from distributed import as_completed

        suspects: list[Task] = []
        running: dict[Any, Task] = {}
        completed = as_completed(loop=self.client.loop)

        def fill() -> None:
            room = _WINDOW * max(1, self._n_threads())
            while len(running) < room:
                if (task := next(tasks, None)) is None:
                    return
                future = self._submit(task)
                running[future] = task
                completed.add(future)

        fill()
        while running:
            future = next(completed)
            task = running.pop(future)
            outcomes = self._result(future)
            if outcomes is None:
                suspects.append(task)
            else:
                yield from outcomes
            del future
            forget_names()
            fill()
        for task in suspects:
            for job in task:
                if stopped():
                    return
                yield self._run_alone(job)

    def device(self, requested: str) -> str:
        """Return the device of the workers: this machine's, or the one that they all have."""
        if self.scheduler is None:
            return resolve_device(requested)
        with self._asking():
            return require_agreement(self.client.run(resolve_device, requested))

    def close(self) -> None:
        """Leave the scheduler; end the local cluster."""
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Ask the scheduler something; whichever question it fails to answer first, it is gone.

        Raises
        ------
        UserError
            When it is.
        """
        from distributed import CancelledError

        try:
            yield
        except (Exception, CancelledError) as error:
            # Its connection breaks, what it was to do is cancelled, or the client closes itself.
            lost = isinstance(error, OSError | CancelledError) or self.client.status != "running"
            if not lost:
                raise
            raise self._gone() from error

    def _gone(self) -> UserError:
        return UserError(
            f"the Dask scheduler at {self.scheduler or 'this machine'} is gone; what is done "
            "is stored: start the cluster again and repeat the command, which goes on from here"
        )

    def _meet_workers(self, scheduler: str) -> None:
        if not self._n_threads():
            self.warn(f"--scheduler {scheduler}: no worker is there yet; waiting for one")
            with self._asking():
                self.client.wait_for_workers(1)
        with self._asking():
            require_same_versions(self.client, self.versions)

    def _n_threads(self) -> int:
        # Asked after every task: the totals alone, not a line for each of hundreds of workers.
        with self._asking():
            return int(self.client.scheduler_info(n_workers=0).get("total_threads", 0))

    def _submit(self, task: Task) -> Any:
        versions = None if self.scheduler is None else self.versions
        with self._asking():
            future = self.client.submit(_perform_watched, task, versions, pure=False, retries=0)
        # Tasks submitted while the connection stood are cancelled when it breaks; a client
        # without one takes tasks all the same, and they would be waited for without end.
        if self.client.status != "running":
            raise self._gone()
        return future

    def _result(self, future: Any) -> tuple[Outcome, ...] | None:
        """Return a task's outcomes; None when its worker died.

        Raises
        ------
        UserError
            When the scheduler is gone, or a worker cannot read tasks.
        """
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        try:
            outcomes: tuple[Outcome, ...] = future.result()
        except KilledWorker:
            return None
        except (CancelledError, OSError) as error:  # no task raises: the connection is lost
            raise self._gone() from error
        except Exception as error:  # or the worker has no package
            with self._asking():
                raise UserError(
                    f"a worker could not take a task: {error}; what is done is stored: install "
                    "spam-pipe there, or end that worker, and repeat the command"
                ) from error
        return outcomes

    def _run_alone(self, job: Job) -> Outcome:
        """Run a job whose worker died once more, alone, to find out whether it is the cause."""
        started = time.monotonic()
        outcomes = self._result(self._submit((job,)))
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


def _perform_watched(task: Task, versions: Versions | None) -> tuple[Outcome, ...]:
    """Run a task in a worker; a hung job takes its process along: threads can't be killed."""
    if versions is not None and (wrong := differences(versions, own_versions())):
        reason = f"a worker that joined later has {wrong}"
        return tuple(
            Outcome(
                job.item.id,
                failure=Failure(next(iter(job.work)), "OtherVersions", reason),
                point=job.point,
            )
            for job in task
        )
    forget_names()
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
