"""One command at a time on a run; a dead command's lock is taken over.

A lock is a small file ``.locks/<key>-<number>``, put only if it is not there. A command lists the
folder, sees that every lock in its way is dead, puts the next number and lists again:
of two that come at once one fails to put, or sees the other. No file is ever replaced by another
process, so this needs of a storage nothing but puts and consistent listings.

On the machine where it was taken a lock is dead when its process is: same boot, same process id,
same start. From elsewhere it is dead when its heartbeat stands still for `PATIENCE` seconds of the
observer's own steady clock; times of day are never compared.
"""

import _thread
import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.store.folder import Folder

BEAT = 5.0
"""Seconds between the heartbeats of a holder."""

PATIENCE = 30.0
"""Seconds without a heartbeat after which a holder on another machine counts as dead."""

_FOLDER = ".locks"
_Holder = Mapping[str, Any]
_NOBODY = {"token": "", "beats": 0, "pid": 0, "started": None, "host": "?", "place": "?"}


@contextmanager
def locked(
    run: Folder,
    *,
    key: str = "run",
    beside: Callable[[str], bool] = lambda key: False,
    option: str = "--run",
    say: Callable[[str], None] = lambda line: None,
    beat: float = BEAT,
    patience: float = PATIENCE,
) -> Iterator[None]:
    """Hold a lock; a dead process's lock is taken over.

    Should another process take this one over, because this one did not get to run for longer than
    `patience`, the main thread is interrupted as by Ctrl-C.

    Parameters
    ----------
    run
        The folder to be locked.
    key
        The lock's name: letters, digits and hyphens.
    beside
        Whether the holder of the lock of a given key may work at the same time.
    option
        The option that chooses another run, named in the error.
    say
        Told which lock is watched and which was taken over.
    beat, patience
        As `BEAT` and `PATIENCE`.

    Raises
    ------
    UserError
        When another process works on the run: it names its id and host, and the cure.
    """
    own = {"token": uuid.uuid4().hex, "beats": 0, **_identity()}
    name = _take(run, own, key, beside, option, say, patience)
    ended = threading.Event()
    heart = threading.Thread(
        target=_keep_alive, args=(run, name, own, ended, beat, say), daemon=True
    )
    heart.start()
    try:
        yield
    finally:
        ended.set()
        heart.join()
        with suppress(Exception):  # a lock that stays is a dead process's
            if _is_own(_read(run, name), own):
                run.delete(f"{_FOLDER}/{name}")


def _take(
    run: Folder,
    own: _Holder,
    key: str,
    beside: Callable[[str], bool],
    option: str,
    say: Callable[[str], None],
    patience: float,
) -> str:
    """Put the lock's file and return its name."""
    dead: dict[str, str] = {}  # token → what to say of it
    pause = 0.05 + int(own["token"][:4], 16) / 2**17  # two that meet don't meet again
    while True:
        for name in _in_the_way(run, beside):
            holder = _read(run, name)
            if holder is None or holder["token"] in dead:
                continue
            where = f"process {holder['pid']} on {holder['host']}"
            why = _death(run, name, holder, say, patience)
            if why is None:
                raise UserError(
                    f"{run}: {where} is working on this run; wait for it or choose another {option}"
                )
            dead[holder["token"]] = f"took over the lock of {where}: {why}"
        number = 1 + max((_number_of(name) for name in _names(run)), default=0)
        name = f"{key}-{number}"
        # A storage may put the file and yet report an error: then the second try finds it there.
        if run.create(f"{_FOLDER}/{name}", json.dumps(own).encode()) or _is_own(
            _read(run, name), own
        ):
            others = {each: _read(run, each) for each in _in_the_way(run, beside)}
            mine = _is_own(others.pop(name, None), own)
            left = [holder["token"] for holder in others.values() if holder is not None]
            if mine and all(token in dead for token in left):
                for token in left:
                    say(dead[token])
                for each in others:
                    run.delete(f"{_FOLDER}/{each}")
                return name
            if mine:
                run.delete(f"{_FOLDER}/{name}")
        time.sleep(pause)


def _keep_alive(
    run: Folder,
    name: str,
    own: _Holder,
    ended: threading.Event,
    beat: float,
    say: Callable[[str], None],
) -> None:
    """Put a new number of beats every `beat` seconds until the end, or until the lock is lost."""
    beats = 0
    while not ended.wait(beat):
        with suppress(Exception):  # a storage out of order is no reason to stop: it may come back
            holder = _read(run, name)
            if holder is None or holder["token"] not in {own["token"], _NOBODY["token"]}:
                if not ended.is_set():
                    say(f"{run}: this run's lock was lost to another command; stopping")
                    _thread.interrupt_main()
                return
            beats += 1
            run.write(f"{_FOLDER}/{name}", json.dumps({**own, "beats": beats}).encode())


def _death(
    run: Folder, name: str, holder: _Holder, say: Callable[[str], None], patience: float
) -> str | None:
    """Return how it is known that a holder is dead; None when it lives."""
    here = _identity()
    if holder["place"] == here["place"]:
        if _started(int(holder["pid"])) == holder["started"]:
            return None
        return "no such process any more"
    say(
        f"{run}: locked by process {holder['pid']} on {holder['host']}; "
        f"watching its heartbeat for up to {patience:g} s"
    )
    began = time.monotonic()
    while time.monotonic() - began < patience:
        time.sleep(min(1.0, patience / 10))
        now = _read(run, name)
        if now is None or now["token"] != holder["token"]:
            return "it ended meanwhile"  # never said: its token is not met again
        if now["beats"] != holder["beats"]:
            return None
    return f"no heartbeat for {patience:g} s"


def _identity() -> dict[str, Any]:
    """Return the identity of this process among all others, past ones included."""
    pid = os.getpid()
    host = socket.gethostname()
    return {"pid": pid, "started": _started(pid), "host": host, "place": f"{host} {_boot()}"}


def _boot() -> str:
    """Identify this boot of this machine and, in a container, its own count of processes."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - no file's path
    except OSError:
        return f"{psutil.boot_time():.0f}"


def _started(pid: int) -> str | None:
    """Return when a process began; None when there is none.

    In ticks since the boot where the system says so: those don't move when the clock is set.
    """
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if after_name[0] in {"Z", "X"} else after_name[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return None
    try:
        return f"{psutil.Process(pid).create_time():.0f}"
    except psutil.Error:
        return None


def _in_the_way(run: Folder, beside: Callable[[str], bool]) -> list[str]:
    return [name for name in _names(run) if not beside(_key_of(name))]


def _names(run: Folder) -> list[str]:
    return [name for name in run.names(_FOLDER) if re.fullmatch(r"[\w-]+-\d+", name)]


def _key_of(name: str) -> str:
    return name.rpartition("-")[0]


def _number_of(name: str) -> int:
    return int(name.rpartition("-")[2])


def _read(run: Folder, name: str) -> _Holder | None:
    """Return the content of a lock; a damaged one has no holder and never beats."""
    content = run.read(f"{_FOLDER}/{name}")
    if content is None:
        return None
    try:
        found = json.loads(content)
        return {key: found[key] for key in _NOBODY}
    except (ValueError, KeyError, TypeError):
        return _NOBODY


def _is_own(holder: _Holder | None, own: _Holder) -> bool:
    return holder is not None and holder["token"] == own["token"]
