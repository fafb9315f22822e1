"""Dask forgets the past of a run: memory may not grow with the number of items."""

from typing import Any

SHORT_LOGS = {
    "distributed.admin.low-level-log-length": 100,
    "distributed.admin.log-length": 100,
    "distributed.admin.system-monitor.log-length": 100,
    # It looks at a worker's stack a hundred times a second and keeps what it saw.
    "distributed.worker.profile.enabled": False,
}
"""Settings of Dask for the scheduler and the workers of a local cluster."""


def scheduler_options() -> dict[str, Any]:
    """Return options of a scheduler that does not note for every task where it came from."""
    from distributed.scheduler import DEFAULT_EXTENSIONS
    from distributed.spans import SpansSchedulerExtension

    class Spans(SpansSchedulerExtension):  # type: ignore[misc]
        def observe_tasks(self, tss: Any, code: Any, span_metadata: Any) -> Any:
            return super().observe_tasks(tss, code, {})

    return {"extensions": {**DEFAULT_EXTENSIONS, "spans": Spans}}


def forget_names() -> None:
    """Drop the names of tasks that are over: Dask keeps 100,000, a quarter of a kilobyte each."""
    from dask.utils import key_split

    getattr(key_split, "cache_clear", lambda: None)()
