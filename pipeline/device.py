"""The device that a command computes on."""

import ctypes
import os
import re
import sys

from spam_pipe.pipeline.errors import UserError


def resolve_device(requested: str) -> str:
    """Return ``cpu`` or ``cuda[:i]`` for what `--device` asks.

    Raises
    ------
    UserError
        When the device asked for is not there: an explicit request never falls back.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", requested):
        raise UserError(f"--device {requested}: write auto, cpu, cuda or cuda:0")
    if requested == "cpu" or (requested == "auto" and not _driver_present()):
        return "cpu"
    import torch

    available = torch.cuda.device_count()
    if requested == "auto":
        return "cuda" if available else "cpu"
    index = int(requested.partition(":")[2] or 0)
    if index >= available:
        raise UserError(
            f"--device {requested}: this machine has {available} CUDA devices that torch "
            f"{torch.__version__} can use; use --device cpu"
        )
    return requested


def cuda_devices() -> tuple[str, ...]:
    """Return this process's CUDA devices as `CUDA_VISIBLE_DEVICES` names them."""
    import torch

    return name_devices(torch.cuda.device_count(), os.environ.get("CUDA_VISIBLE_DEVICES", ""))


def name_devices(count: int, visible: str) -> tuple[str, ...]:
    """Return the names of so many devices, where the process sees only some (``2,3``) or all."""
    return tuple(visible.split(",")[:count] if visible else map(str, range(count)))


def _driver_present() -> bool:
    """Say whether there is a CUDA driver at all, without the seconds that importing torch takes."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
