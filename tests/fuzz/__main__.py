"""`make fuzz`: mutated files for every reader; prints inputs and findings by reader.

A finding is a crash, a hang over 10 s, an allocation over 1 GiB, or an error that is not one of
the reader's documented ones in one line. The same seed gives the same inputs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.fuzz.readers import READERS, inputs_of


def main() -> int:
    """Fuzz as the command line says; return 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--n", type=int, default=10_000, help="inputs over all readers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reader", choices=READERS, action="append", help="(all of them)")
    parser.add_argument("--keep", type=Path, help="folder for the inputs that were findings")
    options = parser.parse_args()
    names = options.reader or list(READERS)
    began, total, found = time.monotonic(), 0, 0
    for name in names:
        if READERS[name].missing:
            print(f"{name:16}skipped: {READERS[name].needs} is not installed")
            continue
        n_inputs = options.n // len(names) if options.reader else inputs_of(name, options.n)
        start = time.monotonic()
        findings: Counter[str] = Counter()
        first: dict[str, int] = {}
        for index, finding in fuzz(name, options.seed, n_inputs):
            findings[finding] += 1
            first.setdefault(finding, index)
        seconds = time.monotonic() - start
        print(f"{name:16}{n_inputs:6} inputs {sum(findings.values()):4} findings {seconds:6.1f} s")
        for finding, count in findings.most_common():
            print(f"    {count} × {finding} (input {first[finding]})", flush=True)
        if options.keep:
            _keep(options.keep, name, options.seed, sorted(first.values()))
        total, found = total + n_inputs, found + sum(findings.values())
    print(
        f"{total} inputs over {len(names)} readers, {found} findings, seed {options.seed}, "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if found else 0


def fuzz(name: str, seed: int, n_inputs: int) -> Iterator[tuple[int, str]]:
    """Yield the index of every input that was a finding, and what was found."""
    first = 0
    while first < n_inputs:
        begun = None
        arguments = [name, str(seed), str(first), str(n_inputs)]
        with tempfile.TemporaryFile("w+") as errors:
            with _start(arguments, errors) as child:
                assert child.stdout is not None
                for event in map(json.loads, child.stdout):
                    begun = event.get("begin")
                    if event.get("finding"):
                        yield event["index"], event["finding"]
            if child.returncode == 0:
                return
            errors.seek(0)
            said = errors.read().strip().splitlines()
        if begun is None:
            raise RuntimeError(f"{name}: no input could be read: {' '.join(said[-1:])}")
        yield begun, f"crash: status {child.returncode}, {' '.join(said[:1])}"
        first = begun + 1


def _start(arguments: list[str], errors: IO[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.child", *arguments],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )


def _keep(folder: Path, name: str, seed: int, indices: list[int]) -> None:
    from tests.fuzz.child import make_input

    contents = READERS[name].seeds()
    for index in indices:
        if index >= 0:
            path = folder / name / f"{seed}-{index}{READERS[name].suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(make_input(name, seed, index, contents))


if __name__ == "__main__":
    sys.exit(main())
