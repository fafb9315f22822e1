"""A priority queue in arrays, for kernels: a binary heap.

An entry has a cost, a size and a name. The least cost comes first; of equal costs the least size;
of equal sizes the least name. Sorted arrays are a queue already.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel, record
from spam_pipe.stages.regions.label_maps import Index


class Queue(NamedTuple):
    """Room for entries; the first so many are in use."""

    # (M,) float64
    costs: NDArray[np.float64]
    sizes: NDArray[np.float64]
    names: NDArray[np.int64]  # (M,) int64


QUEUE = record(Queue, "float64[::1], float64[::1], int64[::1]")


def queue_of(
    costs: NDArray[np.floating | np.integer],
    sizes: NDArray[np.floating | np.integer],
    names: NDArray[np.integer],
    room: int,
) -> Queue:
    """Return a queue of n entries, each argument (n,), with room for so many."""
    order = np.lexsort((names, sizes, costs))
    queue = Queue(np.empty(room), np.empty(room), np.empty(room, np.int64))
    for target, values in zip(queue, (costs, sizes, names), strict=True):
        target[: order.size] = values[order]
    return queue


def with_room(queue: Queue, room: int) -> Queue:
    """Return the same queue with room for so many."""
    costs, sizes, names = queue
    return Queue(np.resize(costs, room), np.resize(sizes, room), np.resize(names, room))


@kernel("float64[::1], float64[::1], int64[::1], int64, float64, float64, int64")
def push(
    costs: NDArray[np.float64],
    sizes: NDArray[np.float64],
    names: NDArray[np.int64],
    n: int,
    cost: float,
    size: float,
    name: Index,
) -> None:
    """Put an entry into a queue of n."""
    place = n
    while place > 0:
        above = (place - 1) >> 1
        if costs[above] < cost:
            break
        if costs[above] == cost:
            if sizes[above] < size:
                break
            if sizes[above] == size and names[above] <= name:
                break
        costs[place], sizes[place], names[place] = costs[above], sizes[above], names[above]
        place = above
    costs[place], sizes[place], names[place] = cost, size, name


@kernel("float64[::1], float64[::1], int64[::1], int64")
def pop(
    costs: NDArray[np.float64],
    sizes: NDArray[np.float64],
    names: NDArray[np.int64],
    n: int,
) -> None:
    """Take the first entry out of a queue of n; it then stands behind the n - 1 others."""
    last = n - 1
    cost, size, name = costs[last], sizes[last], names[last]
    costs[last], sizes[last], names[last] = costs[0], sizes[0], names[0]
    place, below = 0, 1
    while below < last:
        other = below + 1
        if other < last and (
            costs[other] < costs[below]
            or (
                costs[other] == costs[below]
                and (
                    sizes[other] < sizes[below]
                    or (sizes[other] == sizes[below] and names[other] < names[below])
                )
            )
        ):
            below = other
        if cost < costs[below] or (
            cost == costs[below]
            and (size < sizes[below] or (size == sizes[below] and name <= names[below]))
        ):
            break
        costs[place], sizes[place], names[place] = costs[below], sizes[below], names[below]
        place, below = below, 2 * below + 1
    if last > 0:
        costs[place], sizes[place], names[place] = cost, size, name
