"""A Dask cluster of worker processes on this machine."""

import logging
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from spam_pipe.pipeline.running.dask.memory import SHORT_LOGS, scheduler_options

_DEVICE_THREADS = 2
"""Threads of a worker that has a device: one item is loaded or stored while another computes."""


def start_local_cluster(workers: int, devices: Sequence[str] = ()) -> tuple[Any, Any]:
    """Start workers; return the cluster and its client.

    Parameters
    ----------
    workers
        Processes. They share out the cores.
    devices
        CUDA devices to share out too.
    """
    import dask
    from distributed import Client, LocalCluster

    dask.config.set(
        {
            **SHORT_LOGS,
            "distributed.scheduler.allowed-failures": 0,
            "distributed.nanny.pre-spawn-environ": _worker_environment(workers),
            # Dask sets the above in this process too, and numba minds a change.
            "distributed.nanny.environ": {"NUMBA_NUM_THREADS": _worker_threads(workers)},
        }
    )
    with _interrupts_ignored():  # the coordinator alone decides when to stop
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=_DEVICE_THREADS if devices else 1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            scheduler_kwargs=scheduler_options(),
            **_device_options(devices),
        )
        return cluster, Client(cluster, set_as_default=False)


def _device_options(devices: Sequence[str]) -> dict[str, Any]:
    """Return what makes each worker of a local cluster see one device alone."""
    if not devices:
        return {}
    from distributed import Nanny

    class DeviceNanny(Nanny):  # type: ignore[misc]
        def __init__(self, *arguments: Any, name: int, **options: Any) -> None:
            own = {"CUDA_VISIBLE_DEVICES": devices[name % len(devices)]}
            super().__init__(*arguments, name=name, env=own, **options)

    return {"worker_class": DeviceNanny}


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
