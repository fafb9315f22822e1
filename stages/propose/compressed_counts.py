"""COCO's compressed run lengths: a string instead of a list of numbers."""

import numpy as np
from numpy.typing import NDArray

from stages.compiled import kernel


def decompress(text: str | bytes) -> NDArray[np.int64]:
    """Return the runs of COCO's compressed string.

    Characters from '0' on carry five bits each, low ones first, with a bit that says that more
    follow; from the fourth run on, the difference to the run two before is stored (pycocotools,
    ``rleFrString``).

    Raises
    ------
    ValueError
        When a character is none of the alphabet's, or the string ends inside a number.
    """
    raw = text.encode() if isinstance(text, str) else text
    digits = np.frombuffer(raw, np.uint8).astype(np.int64) - 48
    if len(digits) == 0 or digits.min() < 0 or digits.max() > 63 or digits[-1] & 32:
        raise ValueError("not a compressed COCO run-length string")
    if np.diff(np.flatnonzero(digits < 32), prepend=-1).max() > 12:
        raise ValueError("not a compressed COCO run-length string: a number is too long")
    return _decompress(digits, int((digits < 32).sum()))


@kernel
def _decompress(digits: NDArray[np.int64], n_runs: int) -> NDArray[np.int64]:
    runs = np.zeros(n_runs, np.int64)
    run = 0
    value = np.int64(0)
    shift = np.int64(0)
    for digit in digits:
        value |= (digit & 31) << shift
        shift += np.int64(5)
        if digit < 32:
            if digit & 16:
                value -= np.int64(1) << shift
            runs[run] = value + (runs[run - 2] if run > 2 else np.int64(0))
            run += 1
            value = np.int64(0)
            shift = np.int64(0)
    return runs
