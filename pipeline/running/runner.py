"""Tasks on an executor, told to callbacks."""

from collections.abc import Iterable, Iterator, Sequence

from spam_pipe.pipeline.running.executors import Executor
from spam_pipe.pipeline.running.interruption import stop_on_interrupt
from spam_pipe.pipeline.running.jobs import Job, Outcome, Task


class Callback:
    """Hears of the work while it runs; a subclass overrides what it needs."""

    def begin(self, n_jobs: int) -> None:
        """The work begins: so many jobs may have to be done."""

    def at(self, item_id: str, stage: str) -> None:
        """A stage of an item begins, in this process."""

    def left(self) -> None:
        """A job needs nothing, or is left alone."""

    def finished(self, outcome: Outcome) -> None:
        """A job was done, or failed."""

    def stopping(self) -> None:
        """The user asked to stop: the items at hand are finished first."""

    def end(self) -> None:
        """The work is over, was stopped, or broke off."""


def execute(
    items: Iterable[Sequence[Job | None]],
    n_jobs: int,
    executor: Executor,
    callbacks: Sequence[Callback],
) -> bool:
    """Run the jobs of all items.

    Parameters
    ----------
    items
        For each item a job per configuration; None where a configuration needs nothing of it.
        Read lazily.
    n_jobs
        Length of `items` times that of each of its sequences.
    executor
        Where the jobs run.
    callbacks
        Told of everything, in this order.

    Returns
    -------
    Whether the user stopped the work before its end.
    """

    def stopping() -> None:
        for callback in callbacks:
            callback.stopping()

    def tell(item_id: str, stage: str) -> None:
        for callback in callbacks:
            callback.at(item_id, stage)

    with stop_on_interrupt(stopping) as stopped:

        def tasks() -> Iterator[Task]:
            for jobs in items:
                if stopped():
                    return
                task = tuple(job for job in jobs if job is not None)
                for _ in range(len(jobs) - len(task)):
                    for callback in callbacks:
                        callback.left()
                if task:
                    yield task

        try:
            for callback in callbacks:
                callback.begin(n_jobs)
            for outcome in executor.run(tasks(), stopped, tell):
                for callback in callbacks:
                    callback.finished(outcome)
        finally:
            for callback in callbacks:
                callback.end()
        return stopped()
