"""Work shared out to threads: kernels release the GIL, and Python's own threads run them.

A process that was forked, as the workers of a `DataLoader` or of a `multiprocessing.Pool` are, uses
one thread: its siblings take the other cores, and the threads of its parent do not follow it.
OpenMP, which numba's own parallel loops use, would end or hang such a process.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from itertools import pairwise

Work = Callable[[int, int], None]
"""Does the items from the first number up to, but without, the second."""

_PIECES = 4
"""Pieces for each thread: few, because each costs some microseconds, but rows differ in work."""

_limit: ContextVar[int | None] = ContextVar("limit", default=None)
_forked = False


def _note_fork() -> None:
    global _forked
    _forked = True
    _pool.cache_clear()


def given_threads() -> int:
    """Return how many threads this process may compute with.

    One where it was forked. Else what ``NUMBA_NUM_THREADS`` or ``OMP_NUM_THREADS`` says, as in
    workers that share a machine; else one for each core that the process may run on.
    """
    if _forked:
        return 1
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        stated = os.environ.get(name, "").partition(",")[0].strip()
        if stated.isdigit() and int(stated) > 0:
            return int(stated)
    return len(os.sched_getaffinity(0))


@contextmanager
def at_most(n_threads: int) -> Iterator[None]:
    """Let the kernels that the body calls run on so many threads, instead of `given_threads`."""
    token = _limit.set(n_threads)
    try:
        yield
    finally:
        _limit.reset(token)


def share_out(n_items: int, work: Work) -> None:
    """Do `work` on the items 0 to n_items - 1, in pieces, on several threads.

    Pieces must write to disjoint memory, and what one item gives may not depend on the others of
    its piece: results may not depend on the number of threads.

    Parameters
    ----------
    n_items
        Rows, chunks or tiles; nothing is done where there are none.
    work
        Called with the bounds of pieces; most of it without the GIL.
    """
    n_threads = min(_limit.get() or given_threads(), n_items)
    if n_threads <= 1:
        if n_items > 0:
            work(0, n_items)
        return
    n_pieces = min(n_items, _PIECES * n_threads)
    bounds = [n_items * piece // n_pieces for piece in range(n_pieces + 1)]
    pieces = deque(pairwise(bounds))
    helpers: list[Future[None]] = []
    # Where the interpreter ends, or there may be no more threads, this one goes on alone.
    with suppress(RuntimeError):
        pool = _pool(n_threads - 1)
        helpers.extend(pool.submit(_work_off, pieces, work) for _ in range(n_threads - 1))
    try:
        _work_off(pieces, work)
    finally:
        pieces.clear()
        for helper in helpers:
            if not helper.cancel():  # one that is too busy with others to begin is not waited for
                helper.result()


def _work_off(pieces: deque[tuple[int, int]], work: Work) -> None:
    while True:
        try:
            piece = pieces.popleft()
        except IndexError:
            return
        work(*piece)


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, "spam-pipe")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
