"""`python -m tests.fuzz.sizes`: every method on images of 1 to 40 pixels a side, at many counts.

A finding is a process that dies or computes for longer than 10 s, an error that is no ValueError
of one line, or labels that are none. OpenCV's methods run in a process for each case; `mslic`
reads beyond its arrays whatever the size, so it may die, and the pipeline never runs it elsewhere
than in a process of its own. The same seed gives the same cases.
"""

import argparse
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from random import Random

import numpy as np
from numpy.typing import NDArray

import spam_pipe
from spam_pipe.stages.base import Inputs
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.names import ALIASES, METHODS, NEED_OPENCV, NESTED
from spam_pipe.stages.registry import stage
from spam_pipe.stages.segment.stored import labels_of

SIDES = 40
SECONDS = 10
METHODS_TRIED = (*(name for name in METHODS if name != "external"), *ALIASES)
MAY_DIE = {"mslic"}

Case = tuple[str, int, int, int]
"""Method, height, width, and the number of superpixels that is asked for."""


def cases(seed: int, n: int, methods: tuple[str, ...] = METHODS_TRIED) -> Iterator[Case]:
    """Yield cases, as many of each method; a third of the images are thin."""
    random = Random(seed)
    for number in range(n):
        sides = [random.randint(1, SIDES), random.randint(1, 3 if number % 3 == 0 else SIDES)]
        random.shuffle(sides)
        height, width = sides
        count = random.choice((1, 2, 3, 10, 37, 400, height * width, height * width + 1))
        yield methods[number % len(methods)], height, width, count


def finding(case: Case) -> str:
    """Return what is wrong with a method's result, or how its process ended; else nothing."""
    if case[0] not in NEED_OPENCV:
        return _judged(case)
    _setup(case[0])  # its imports are not paid again for every case
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.write(writing, _judged(case).encode()[:4096])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "" if case[0] in MAY_DIE else f"signal {os.WTERMSIG(status)}"
    return said


def _judged(case: Case) -> str:
    method, height, width, count = case
    image = np.random.default_rng(height * 41 + width).integers(
        0, 256, (height, width, 3), np.uint8
    )
    try:
        labels = _setup(method)(image, count)
    except ValueError as error:
        return "" if str(error).strip() else "an error that says nothing"
    except Exception as error:  # whatever else ends a method is a finding
        return f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
    n = int(labels.max()) + 1
    sound = labels.shape == (height, width) and np.array_equal(np.unique(labels), np.arange(n))
    exact = method in ("spam", "spam-nested", "slic-masked")
    if exact and n != min(count, height * width):
        return f"{n} superpixels"
    return "" if sound else f"labels {labels.shape} {np.unique(labels)[:5]}"


@cache
def _setup(method: str) -> Callable[[NDArray[np.uint8], int], NDArray[np.integer]]:
    """Return what segments an image, its models loaded."""
    if method == "spam":
        return spam_pipe.segment
    if method in NESTED:
        return lambda image, count: (made := spam_pipe.hierarchy(image, count)).labels(
            made.n_finest
        )
    config, worker = SegmentConfig(method=method), stage("segment")
    resources = worker.setup(config, "cpu")

    def segment(image: NDArray[np.uint8], count: int) -> NDArray[np.integer]:
        truth = (np.arange(image.shape[0] * image.shape[1], dtype=np.uint32) // 9 % 5,)
        inputs = Inputs(image=image, annotations=(truth[0].reshape(image.shape[:2]),))
        return labels_of(next(worker.run(inputs, config, resources, (count,))))

    return segment


def main() -> int:
    """Try as many cases as the command line says; return 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.sizes", description=__doc__)
    parser.add_argument("--n", type=int, default=20_000, help="cases over all methods")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--method", choices=METHODS_TRIED, action="append", help="(all of them)")
    options = parser.parse_args()
    methods = tuple(options.method or METHODS_TRIED)
    found: Counter[str] = Counter()
    for case in cases(options.seed, options.n, methods):
        print(*case, end=" \r", flush=True)  # where the process dies, this is what it died of
        if said := finding(case):
            found[case[0]] += 1
            print(*case, said, flush=True)
    print(f"{options.n} cases of {len(methods)} methods, {found.total()} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
