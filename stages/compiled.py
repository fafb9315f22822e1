"""The one place that says how the project's numba kernels are compiled.

Most of a kernel's compilation is numba reading its Python, statement by statement, and what numba
has of its own (arrays that are made, sorted or filled, lists, queues, tuples) is compiled with it.
So kernels are loops over arrays that they are given: they make none, sort nothing and call no
library. Arrays that travel together are one argument, a named tuple (`record`).
`spam_pipe.stages.sharing` runs their rows on several threads, which takes a third of the time to
compile that numba's own parallel loops take.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import numba
from numba.core import event, sigutils
from numba.core import types as numba_types

Function = TypeVar("Function", bound=Callable[..., Any])

_PLAIN: Mapping[str, Any] = {
    "error_model": "numpy",
    # Neither called from C nor written in whole arrays: what numba does for these takes time.
    "no_cfunc_wrapper": True,
    "no_rewrites": True,
}


def kernel(*types: str | tuple[Any, ...]) -> Callable[[Function], Function]:
    """Compile a loop for one thread.

    Cached on disk, so that worker processes do not compile again; without the GIL, so that
    threads run side by side; without fast-math, so that every machine and thread count gives
    the same result.

    Parameters
    ----------
    types
        What the function is called with, as numba writes types: ``"int64, float32[:, ::1]"``; in
        a tuple where there are named tuples among them (`record`); several where there are
        several. For these it can be compiled ahead; for other types it is compiled when called.
    """

    def wrap(function: Function) -> Function:
        try:
            compiled: Any = numba.njit(cache=True, nogil=True, **_PLAIN)(function)
        except RuntimeError:  # there is no folder that the cache could be written to
            compiled = numba.njit(nogil=True, **_PLAIN)(function)
        KERNELS.extend(Kernel(compiled, _parse(each)) for each in types)
        kept: Function = compiled
        return kept

    return wrap


def record(kind: type[tuple[Any, ...]], *types: str | Any) -> Any:
    """Return numba's type of a named tuple: arrays that travel together are one argument.

    Parameters
    ----------
    kind
        The class.
    types
        Of its fields, written as `kernel` takes them.
    """
    return numba_types.BaseTuple.from_types(_parse(types), kind)  # type: ignore[attr-defined]


def _parse(types: str | tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(types, str):
        return tuple(
            found
            for each in types
            for found in (_parse(each) if isinstance(each, str) else (each,))
        )
    arguments: tuple[Any, ...] = sigutils.normalize_signature(f"({types},)")[0]
    return arguments


class Kernel(NamedTuple):
    """A function, and the types for which it can be compiled ahead."""

    function: Any  # as `kernel` returns it
    types: tuple[Any, ...]  # of its arguments

    @property
    def module(self) -> str:
        """The module that it is in."""
        return str(self.function.py_func.__module__)

    @property
    def length(self) -> int:
        """How long its code is: about what it takes to compile."""
        return len(self.function.py_func.__code__.co_code)

    def is_compiled(self) -> bool:
        """Say whether it is compiled, in this process or in the cache on disk."""
        if self.types in self.function.overloads:
            return True
        key = self.function._cache._index_key(self.types, self.function.targetctx.codegen())
        return key in _kept(self.function)

    def compile(self) -> None:
        """Compile it and keep it on disk, or load it from there."""
        self.function.compile(self.types)


def _kept(function: Any) -> Mapping[Any, str]:
    """Return the files of the cache by what they were compiled for."""
    # Numba has no question for this that would not load what there is.
    files = getattr(function._cache, "_cache_file", None)
    found: Mapping[Any, str] = {} if files is None else files._load_index()
    return found


KERNELS: list[Kernel] = []
"""The kernels of the modules imported so far that can be compiled ahead."""


def part(function: Function) -> Function:
    """Let kernels take a function in: it is compiled with each, and called by no one else."""
    taken: Function = numba.njit(forceinline=True, no_cpython_wrapper=True, **_PLAIN)(function)
    return taken


class _Clock(event.Listener):  # type: ignore[misc]
    """Sums up the time that compiling takes; what is compiled for a kernel counts once."""

    def __init__(self) -> None:
        self.depth = 0
        self.began = 0.0
        self.seconds = 0.0

    def on_start(self, event: Any) -> None:
        if self.depth == 0:
            self.began = time.perf_counter()
        self.depth += 1

    def on_end(self, event: Any) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.seconds += time.perf_counter() - self.began


_clock = _Clock()
event.register("numba:compile", _clock)


def seconds_compiling() -> float:
    """Return how long this process has compiled kernels so far: no part of any image's time."""
    return _clock.seconds
