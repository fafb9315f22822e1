"""Opening PyTorch's own files (`.pth`, `.pt`) from unknown sources."""

import io
import pickle  # for its error's name alone  # nosec B403
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


class CodeInsteadOfTensorsError(ValueError):
    """A file asks for code to be run, which never happens."""


def load_pickled(path: Path) -> Any:
    """Load a file of tensors and plain values; no code that it holds is ever run.

    Raises
    ------
    CodeInsteadOfTensorsError
        When it holds more than tensors and plain values.
    ValueError
        When it is not there, damaged, packed (PyTorch never packs: a bomb), or has tensors
        that are larger than their data. The caller adds the cure to the message.
    """
    try:
        modern = zipfile.is_zipfile(path)
        if modern:
            _require_unpacked(path)
        # In memory the old format's texts are as long as they are, in a file as long as they say.
        source = path if modern else io.BytesIO(path.read_bytes())
        content = torch.load(source, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such weights file") from error
    except pickle.UnpicklingError as error:
        raise CodeInsteadOfTensorsError(
            f"{path}: holds code instead of tensors, which is never run, or is no PyTorch file"
        ) from error
    except Exception as error:  # the unpickler may fail in any way on a damaged file
        raise ValueError(f"{path}: not a whole PyTorch file") from error
    for tensor in _tensors(content):
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise ValueError(f"{path}: not a whole PyTorch file: tensors without data")
    return content


def _require_unpacked(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members) or (
        sum(member.file_size for member in members) > path.stat().st_size
    ):
        raise ValueError("packed")


def _tensors(content: Any) -> Iterator[Tensor]:
    if isinstance(content, Tensor):
        yield content
    elif isinstance(content, Mapping):
        for value in content.values():
            yield from _tensors(value)
