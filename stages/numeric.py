"""Arrays of any kind of number, as kernels take them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def native(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers in this machine's order of bytes, floats of 32 or 64 bits.

    Whatever is read from a file or given by a caller passes here once: compiled kernels know
    neither the other order of bytes, which network formats and old computers have, nor floats of
    16 or 128 bits. A masked array stays one.
    """
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        return values.astype(np.float32 if values.dtype.itemsize == 2 else np.float64)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def without_mask(values: NDArray[Any]) -> NDArray[Any]:
    """Return a masked array's values as floats, NaN where it is masked; others as they are."""
    if not isinstance(values, np.ma.MaskedArray):
        return np.asarray(values)
    if values.mask is np.ma.nomask or not values.mask.any():
        return np.asarray(values.data)
    return np.asarray(values.astype(np.float64).filled(np.nan))
