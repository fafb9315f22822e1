"""Torch's settings for this project, independent of the calling program's."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch


@contextmanager
def for_inference(device: torch.device) -> Iterator[None]:
    """Compute in the body with torch's defaults, and restore the program's settings after it.

    Without gradients or autocast; on the CPU on one thread. cuDNN may use only what gives the same
    result each time: convolutions may round factors to TF32 (11 bits), which changes 0.02 to 0.06 %
    of the labels on BSD images; bfloat16 (8 bits) would change 0.15 to 0.55 %.

    Raises
    ------
    RuntimeError
        In a process forked from one that had used CUDA, on such a device.
    """
    with (
        torch.inference_mode(),
        torch.autocast(device.type, enabled=False),
        _one_thread(device),
        _repeatable(device),
    ):
        yield


@contextmanager
def for_loading() -> Iterator[None]:
    """Build networks in the body on the CPU; the random numbers they draw are given back."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        yield


def _repeatable(device: torch.device) -> AbstractContextManager[None]:
    if device.type != "cuda":
        return nullcontext()
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=True
    )
    return flags


@contextmanager
def _one_thread(device: torch.device) -> Iterator[None]:
    # More threads divide some sums otherwise: results would differ in the last bits from machine
    # to machine. In a forked process OpenMP would wait for threads that did not follow.
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
