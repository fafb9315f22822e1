"""The device that a command computes on."""

import re

from pipeline.errors import UserError


def resolve_device(requested: str) -> str:
    """Return ``cpu`` or ``cuda[:i]`` for what `--device` asks.

    Raises
    ------
    UserError
        When the device asked for is not there: an explicit request never falls back.
    """
    if requested == "cpu":
        return "cpu"
    if not re.fullmatch(r"auto|cuda(:\d+)?", requested):
        raise UserError(f"--device {requested}: write auto, cpu, cuda or cuda:0")
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
