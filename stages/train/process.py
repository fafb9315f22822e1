"""Settings of a process for training."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""glibc's numbers of the two options of `mallopt`."""


def keep_freed_memory() -> None:
    """Make glibc keep large freed blocks instead of handing them back to the system.

    Every step allocates the same large tensors. Fetched anew from the system they come as zeroed
    pages, which costs a training step a third of its time. Elsewhere than on glibc nothing
    happens.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 1 << 30)
        mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)


@contextmanager
def one_thread_an_operation() -> Iterator[None]:
    """Leave the cores to the shards of a batch.

    Threads within an operation wait for one another at its end, thousands of times a step:
    whenever another program uses a core, a step takes ten times as long.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
