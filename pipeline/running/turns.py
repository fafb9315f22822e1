"""Whose turn it is among a process's threads: one computes at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Condition, RLock


class Turns:
    """Gives one thread at a time its turn; of those that wait, the one that had most turns before.

    So items that were begun are finished first, and those that have not begun gather: they are
    at the same place, where what they ask of a device can be computed together.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: list[tuple[int, int]] = []
        self._numbers = count()
        # A thread that an alarm interrupted on its way out of its turn would not lock itself out.
        self._computing = RLock()

    @contextmanager
    def turn(self, had: int) -> Iterator[None]:
        """Wait for a turn and take it.

        Parameters
        ----------
        had
            How many turns the item had before.
        """
        own = (-had, next(self._numbers))
        with self._changed:
            self._waiting.append(own)
            try:
                self._changed.wait_for(
                    lambda: min(self._waiting) == own and self._computing.acquire(blocking=False)
                )
            finally:
                self._waiting.remove(own)
        try:
            yield
        finally:
            self._computing.release()
            with self._changed:
                self._changed.notify_all()
