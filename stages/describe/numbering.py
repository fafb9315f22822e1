"""Label maps of any numbers as superpixels 0..n-1."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.numeric import native

Index = NDArray[np.int32]

_BLOCK = 1 << 22


def number(
    labels: NDArray[np.integer[Any]], start_label: int = 0
) -> tuple[Index, NDArray[np.int64]]:
    """Number the superpixels of a label map without gaps.

    Parameters
    ----------
    labels
        (H, W) integers, gaps allowed.
    start_label
        Labels below it are outside and no superpixel.

    Returns
    -------
    index
        (H, W) int32: 0..n-1 in the order of the labels, -1 outside.
    ids
        (n,) int64: the labels themselves, ascending.

    Raises
    ------
    ValueError
        When it is no label map, or all of it is outside.
    """
    labels = native(labels)
    if isinstance(labels, np.ma.MaskedArray):  # what is masked is in no superpixel
        hidden, labels = np.ma.getmaskarray(labels), np.asarray(labels.data)
        if hidden.any():
            labels = np.where(hidden, start_label - 1, labels.astype(np.int64))
    if labels.ndim != 2 or labels.size == 0 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"a label map is a two-dimensional array of integers, not {labels.shape} {labels.dtype}"
        )
    lowest, highest = labels.min(), labels.max()
    if highest < start_label:
        raise ValueError(f"no superpixels: all labels are below the first one, {start_label}")
    if int(highest) - int(lowest) > 4 * labels.size:  # too sparse to look up in a table
        values, place = np.unique(labels, return_inverse=True)
        occurs = np.ones(values.size, np.bool_)
    else:
        values = np.arange(int(lowest), int(highest) + 1)
        place = np.subtract(labels, lowest, dtype=np.int64, casting="unsafe")
        occurs = np.zeros(values.size, np.bool_)
        occurs[place] = True
    counted = occurs & (values >= start_label)
    numbers = np.full(values.size, -1, np.int32)
    numbers[counted] = np.arange(np.count_nonzero(counted))
    return numbers[place].reshape(labels.shape), values[counted].astype(np.int64)


def check_fit(name: str, array: NDArray[Any], index: Index) -> None:
    """Raise a ValueError unless an array covers the label map."""
    if array.shape[:2] != index.shape:
        raise ValueError(
            f"{name} of {array.shape[:2]} pixels and labels of {index.shape} do not fit each other"
        )


def row_blocks(index: Index) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Yield rows of some four million pixels and each pixel's superpixel plus 1, 0 outside.

    Sums over an image need no memory of its size so.
    """
    height, width = index.shape
    step = max(1, _BLOCK // width)
    for first in range(0, height, step):
        rows = slice(first, first + step)
        yield rows, index[rows].ravel().astype(np.int64) + 1
