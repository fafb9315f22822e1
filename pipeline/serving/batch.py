"""A batch started from the page: the same command in a process of its own, stopped as by Ctrl-C."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any, Literal

State = Literal["none", "running", "done", "failed", "stopped"]

_PROGRESS = re.compile(r"^\w+ (\d+)/(\d+)(?:, (.*))?$")
_LINES = 12
"""Last lines of what the command prints that the page shows."""

_PATIENCE = 10.0
"""Seconds that a stopped batch has for its items at hand when the server ends."""


@dataclass(frozen=True)
class Command:
    """What is run, and how a person would type it."""

    arguments: Sequence[str]

    @property
    def shown(self) -> str:
        """The command line."""
        return " ".join(["spam-pipe", *map(quote, self.arguments)])


class Batch:
    """At most one batch at a time.

    Parameters
    ----------
    tell
        Called, from another thread, when something changed.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self.tell = tell
        self.lock = threading.Lock()
        self.process: subprocess.Popen[str] | None = None
        self.command: Command | None = None
        self.state: State = "none"
        self.done = self.total = 0
        self.words = ""
        self.lines: deque[str] = deque(maxlen=_LINES)
        self.began = 0.0

    def start(self, command: Command) -> bool:
        """Start a batch; False where one is running."""
        with self.lock:
            if self.state == "running":
                return False
            self.command, self.state = command, "running"
            self.done = self.total = 0
            self.words, self.began = "starting", time.monotonic()
            self.lines.clear()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "spam_pipe", *command.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C on the server is not one on the batch
            )
        threading.Thread(target=self._follow, args=(self.process,), daemon=True).start()
        self.tell()
        return True

    def stop(self) -> None:
        """Let the batch end with the items at hand; nothing that is done is lost."""
        with self.lock:
            if self.process is not None and self.process.poll() is None:
                self.process.send_signal(signal.SIGINT)
                self.words = "stopping after the items at hand"
        self.tell()

    def close(self) -> None:
        """Stop, and wait a while for it."""
        self.stop()
        if self.process is not None:
            try:
                self.process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def plain(self) -> dict[str, Any]:
        """Return how it stands."""
        with self.lock:
            return {
                "state": self.state,
                "done": self.done,
                "total": self.total,
                "words": self.words,
                "lines": list(self.lines),
                "command": None if self.command is None else self.command.shown,
            }

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._read(line.rstrip())
            self.tell()
        status = process.wait()
        with self.lock:
            ends: dict[int, State] = {0: "done", 130: "stopped", -signal.SIGINT: "stopped"}
            self.state = ends.get(status, "failed")
            if self.state == "done":
                self.done = self.total
            self.words = f"{time.monotonic() - self.began:.0f} s"
        self.tell()

    def _read(self, line: str) -> None:
        with self.lock:
            if found := _PROGRESS.match(line):
                self.done, self.total = int(found[1]), int(found[2])
                self.words = found[3] or ""
            elif line:
                self.lines.append(line)
