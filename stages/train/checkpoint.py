"""A training run's state on disk: whole or not at all."""

import io
from pathlib import Path
from typing import Any

import torch

from spam_pipe.stages.networks.pickled_tensors import load_pickled
from spam_pipe.stages.networks.weights import replace_file

NAME = "state.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Replace the folder's checkpoint; if that fails, the old one stays.

    Raises
    ------
    ValueError
        When it cannot be written, a full disk for example.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    try:
        replace_file(folder / NAME, buffer.getvalue())
    except OSError as error:
        raise ValueError(
            f"{folder / NAME}: not saved: {error.strerror}; the checkpoint before it is intact: "
            "make room and run the same command again"
        ) from error


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the folder's checkpoint, None where there is none yet.

    Raises
    ------
    ValueError
        When the file is damaged or holds more than tensors and plain values.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = load_pickled(path)
    except ValueError as error:
        raise ValueError(
            f"{path}: not a readable checkpoint; delete it to start training anew"
        ) from error
    return state
