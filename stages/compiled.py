"""The one place that says how the project's numba kernels are compiled.

Most of a kernel's compilation is numba reading its Python, statement by statement, and what numba
has of its own (arrays that are made, sorted or filled, lists, queues, tuples) is compiled with it.
So kernels are loops over arrays that they are given: they make none, sort nothing and call no
library. `spam_pipe.stages.sharing` runs their rows on several threads, which takes a third of the
time to compile that numba's own parallel loops take.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.core import sigutils

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(*types: str) -> Callable[[Function], Function]:
    """Compile a loop for one thread.

    Cached on disk, so that worker processes do not compile again; without the GIL, so that
    threads run side by side; without fast-math, so that every machine and thread count gives
    the same result.

    Parameters
    ----------
    types
        What the function is called with, as numba writes types: ``"int64, float32[:, ::1]"``;
        several where there are several. For these it can be compiled ahead; for whatever else
        it is called with it is compiled then.
    """

    def wrap(function: Function) -> Function:
        compiled: Function = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
        for each in types:
            arguments, _ = sigutils.normalize_signature(f"({each},)")
            KERNELS.append((compiled, arguments))
        return compiled

    return wrap


KERNELS: list[tuple[Any, tuple[Any, ...]]] = []
"""The kernels of the modules imported so far, and the types that each is compiled for."""


def part(function: Function) -> Function:
    """Let kernels take a function in as if it stood in them: it is never compiled by itself."""
    inlined: Function = numba.njit(inline="always", error_model="numpy")(function)
    return inlined
