"""The process that reads mutated files, one after the other, under limits; run by `tests.fuzz`.

It writes a line of JSON for every input before and after reading it. A crash or a hang ends this
process alone; its parent knows which input it was.
"""

import faulthandler
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.readers import READERS, Reader

SECONDS = 10
"""Longest that reading one input may take."""

BYTES = 2**30
"""Most memory that reading one input may allocate beyond what the process holds already."""


class Hang(BaseException):
    """Reading took too long."""


def make_input(name: str, seed: int, index: int, contents: list[bytes]) -> bytes:
    """Return an input; equal arguments give the equal one."""
    random = Random(f"{name}/{seed}/{index}")
    return READERS[name].mutate(random, random.choice(contents), random.choice(contents))


def find(reader: Reader, content: bytes, folder: Path) -> str | None:
    """Read an input in a new folder; return what is wrong with how that ended, or None."""
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, _time_is_up)
    # Seconds of this process's own: the machine may be busy. Waiting for nothing is a hang, too.
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(6 * SECONDS)
    faulthandler.dump_traceback_later(7 * SECONDS, exit=True)  # where no signal is looked at
    try:
        _read(reader, content, folder)
    except Hang:
        return f"hang: longer than {SECONDS} s in {_place(sys.exc_info()[2])}"
    except Exception as error:
        return _judge(error, reader)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
    return None


def _read(reader: Reader, content: bytes, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / f"input{reader.suffix}"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader.read(path)


def _judge(error: Exception, reader: Reader) -> str | None:
    """Return None for a documented error of one line that no failed allocation led to."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) or "allocate memory" in str(cause):
            return f"memory: {' '.join(str(cause).split())[:100]} in {_place(cause.__traceback__)}"
        cause = cause.__cause__ or cause.__context__
    kind, message = type(error).__name__, str(error)
    if kind not in reader.errors:
        return f"{kind}: {' '.join(message.split())[:100]} in {_place(error.__traceback__)}"
    return None if message.strip() else f"message: {kind} says nothing"


def _place(trace: Any) -> str:
    """Return the innermost of the project's own lines."""
    frames = [
        f
        for f in traceback.extract_tb(trace)
        if "/pipeline/" in f.filename or "/stages/" in f.filename
    ]
    frames = frames or list(traceback.extract_tb(trace))
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


def _time_is_up(number: int, frame: Any) -> None:
    raise Hang


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> None:
    """Read inputs `first` to `last` of one reader, as arguments say."""
    name, seed, first, last = sys.argv[1], *map(int, sys.argv[2:5])
    reader = READERS[name]
    # What readers print goes nowhere; findings go to the pipe.
    pipe = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    contents = reader.seeds()
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "input"
        for content in contents:  # imports and compiles all that is needed, before the limits
            with suppress(Exception):
                _read(reader, content, folder)
        _limit_memory()
        for index in range(first, last):
            print(json.dumps({"begin": index}), file=pipe)
            content = make_input(name, seed, index, contents)
            finding = find(reader, content, folder)
            os.chdir(home)
            print(json.dumps({"index": index, "finding": finding}), file=pipe)


if __name__ == "__main__":
    main()
