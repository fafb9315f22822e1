"""Reading npy files from unknown sources."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def map_npy(path: Path) -> NDArray[Any]:
    """Map an npy file of numbers or booleans into memory; nothing of its size is allocated.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is none: damaged, shorter than its header says, pickled, or an archive.
    """
    try:
        # Mapping checks the header against the file's length.
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise
    except Exception as error:  # damaged, pickled, or not npy at all
        raise ValueError("is not a plain npy array; save it with numpy.save") from error
    if not isinstance(mapped, np.ndarray):
        raise ValueError("is an archive of arrays; save one array with numpy.save")
    if mapped.dtype.kind not in "buif":
        raise ValueError(f"holds no numbers but {mapped.dtype}; save integers or floats")
    return mapped
