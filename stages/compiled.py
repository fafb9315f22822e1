"""The one place that says how the project's numba kernels are compiled."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

# Read by the OpenMP runtime when numba first loads it. Threads that spin while they wait take the
# cores from whatever else runs: on a busy machine that made whole images four times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a loop for one thread.

    Cached on disk, so that worker processes do not compile again; without the GIL, so that
    threads run side by side; without fast-math, so that every machine and thread count gives
    the same result.
    """
    compiled: Function = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


def parallel_kernel(function: Function) -> Function:
    """Compile a loop whose `numba.prange` runs on all threads that the process may use.

    Iterations must write to disjoint memory and must not reduce floats across iterations:
    results may not depend on the number of threads.
    """
    compiled: Function = numba.njit(cache=True, nogil=True, parallel=True, error_model="numpy")(
        function
    )
    return compiled
