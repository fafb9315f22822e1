"""Kernels compiled before they are needed, on two cores: the first call is no minute of silence."""

import importlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock, Thread
from typing import IO

from spam_pipe.stages.compiled import KERNELS, Kernel

SEGMENTING = (
    "spam_pipe.stages.colour",
    "spam_pipe.stages.regions.queue",
    "spam_pipe.stages.regions.connectivity",
    "spam_pipe.stages.propose.hierarchy",
    "spam_pipe.stages.clustering.features",
    "spam_pipe.stages.clustering.seeds",
    "spam_pipe.stages.clustering.nearest",
    "spam_pipe.stages.clustering.tiles",
    "spam_pipe.stages.clustering.soft_clustering",
    "spam_pipe.stages.clustering.relax_borders",
    "spam_pipe.stages.clustering.exact_count",
)
"""Modules with the kernels that an image needs by default, from its pixels to superpixels."""

METRICS = (
    "spam_pipe.stages.evaluate.regions",
    "spam_pipe.stages.evaluate.overlap",
    "spam_pipe.stages.evaluate.explained_variation",
    "spam_pipe.stages.evaluate.compactness",
    "spam_pipe.stages.evaluate.chain_code",
    "spam_pipe.stages.evaluate.convex_hull",
    "spam_pipe.stages.evaluate.shape_regularity",
    "spam_pipe.stages.evaluate.smooth_matching",
)
"""Modules with the kernels of the metrics."""

NESTING = (
    "spam_pipe.stages.regions.tree",
    "spam_pipe.stages.hierarchy.objects",
    "spam_pipe.stages.hierarchy.merging",
)
"""Modules with the kernels that a hierarchy needs beside."""

SELDOM = (
    *NESTING,
    "spam_pipe.stages.hierarchy.cuts",
    "spam_pipe.stages.hierarchy.saliency",
    "spam_pipe.stages.methods.baselines.snic",
    "spam_pipe.stages.propose.run_lengths",
    "spam_pipe.stages.describe.rings",
    "spam_pipe.stages.prior.divide",
    "spam_pipe.stages.prior.restrict",
    "spam_pipe.stages.prior.cut",
    "spam_pipe.stages.segment.large.scale",
)
"""Modules with kernels for hierarchies, masks, gaps, large images, polygons and SNIC."""

Advance = Callable[[int, int], None]
"""Told how many kernels are compiled, of how many."""

_logger = logging.getLogger("spam_pipe")
_lock = Lock()
_ready: set[str] = set()


def missing_kernels(modules: Sequence[str]) -> list[Kernel]:
    """Return the kernels of some modules that are not compiled here yet."""
    for name in modules:
        importlib.import_module(name)
    return [each for each in KERNELS if each.module in modules and not each.is_compiled()]


def require_kernels(modules: Sequence[str] = SEGMENTING) -> None:
    """Compile, or have a process compile, what is missing; say so in the log where that takes long.

    For programs that call the project's functions; a second call does nothing.
    """
    if _ready.issuperset(modules):
        return
    with _lock:
        missing = missing_kernels(modules)
        if len(missing) > 2:
            _logger.warning(
                "compiling %d kernels, once for this installation: some ten seconds "
                "(`spam-pipe warmup` does it ahead)",
                len(missing),
            )
        compile_kernels(missing)
        _ready.update(modules)


def compile_kernels(kernels: Sequence[Kernel], advance: Advance = lambda done, of: None) -> None:
    """Compile kernels here and, where there is a second core, in a process beside.

    Numba compiles one at a time in a process. The two meet in the middle, where the short ones
    are; what the other one has compiled is loaded from the cache.
    """
    by_length = sorted(kernels, key=lambda each: each.length, reverse=True)
    in_order = by_length[::2] + by_length[1::2][::-1]
    done: set[str] = set()
    telling = Lock()

    def note(name: str) -> None:
        with telling:
            done.add(name)
            advance(len(done), len(in_order))

    with _helper(in_order, note):
        for kernel in in_order:
            kernel.compile()
            note(_name(kernel))


@contextmanager
def _helper(in_order: Sequence[Kernel], note: Callable[[str], None]) -> Iterator[None]:
    """Let a process compile from the end on for as long as the body runs."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cached = all(getattr(each.function._cache, "_cache_file", None) for each in in_order)
    if len(in_order) < 4 or (cores or 1) < 2 or not cached:
        yield
        return
    names = [_name(each) for each in reversed(in_order)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", f"import {__name__} as k; k.help_along()", *names]
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    except OSError:  # no interpreter to start, or no room: this process does it alone
        yield
        return
    assert process.stdout is not None
    listening = Thread(target=_listen, args=(process.stdout, note), daemon=True)
    listening.start()
    try:
        yield
    finally:
        process.kill()
        process.wait()
        listening.join()
        process.stdout.close()


def _listen(lines: IO[str], note: Callable[[str], None]) -> None:
    for line in lines:
        note(line.strip())


def help_along() -> None:
    """Compile the kernels that the command line names until one is there already."""
    modules = {name.partition(":")[0] for name in sys.argv[1:]}
    for module in modules:
        importlib.import_module(module)
    known = {_name(kernel): kernel for kernel in KERNELS}
    for name in sys.argv[1:]:
        if known[name].is_compiled():
            return
        known[name].compile()
        print(name, flush=True)


def _name(kernel: Kernel) -> str:
    types = "/".join(map(str, kernel.types))
    return f"{kernel.module}:{kernel.function.py_func.__qualname__}:{types}".replace(" ", "")
