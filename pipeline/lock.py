"""One command at a time on a run."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from pipeline.errors import UserError
from pipeline.folder import Folder

_KEY = ".lock"


@contextmanager
def locked(run: Folder, *, option: str = "--run") -> Iterator[None]:
    """Hold a run's lock; a lock left by a dead process of this machine is taken over.

    `option` is what chooses another run, to be named in the error.

    Raises
    ------
    UserError
        When another process works on the run: its id and host, and what to do.
    """
    own = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": psutil.Process().create_time(),
    }
    content = json.dumps(own).encode()
    while not run.create(_KEY, content):
        holder = _holder(run)
        if holder is not None and _may_live(holder):
            raise UserError(
                f"{run}: process {holder['pid']} on {holder['host']} is working on this run; wait "
                f"for it, choose another {option}, or delete {run}/{_KEY} if it is dead"
            )
        run.delete(_KEY)
    try:
        yield
    finally:
        if _holder(run) == own:
            run.delete(_KEY)


def _holder(run: Folder) -> dict[str, object] | None:
    content = run.read(_KEY)
    try:
        found = json.loads(content or b"")
        return {key: found[key] for key in ("pid", "host", "started")}
    except (ValueError, KeyError, TypeError):
        return None


def _may_live(holder: dict[str, object]) -> bool:
    if holder["host"] != socket.gethostname():
        return True  # nobody can tell from here
    try:
        started = psutil.Process(int(str(holder["pid"]))).create_time()
    except psutil.Error:
        return False
    return bool(abs(started - float(str(holder["started"]))) < 1)
