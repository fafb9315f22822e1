"""A Dask cluster as people start one: processes of their own in folders of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import PROJECT, wait_until

Process = subprocess.Popen[bytes]


class ExternalCluster:
    """A scheduler, and the workers that were started for it.

    Parameters
    ----------
    folder
        Each process works in a folder of its own below, and logs to `log` there.
    environment
        Variables of all processes beside our own.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})}
        self.processes: list[Process] = []
        self.address = ""

    def __enter__(self) -> "ExternalCluster":
        self.start_scheduler()
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def start_scheduler(self, port: int = 0) -> Process:
        """Start the scheduler and learn its address."""
        file = self.folder / f"scheduler-{len(self.processes)}.json"
        options = ("--port", str(port), "--host", "127.0.0.1", "--no-dashboard")
        process = self._start("scheduler", *options, "--scheduler-file", str(file))
        wait_until(
            lambda: file.exists() and file.stat().st_size,
            still_possible=lambda: process.poll() is None,
        )
        self.address = json.loads(file.read_text())["address"]
        return process

    def start_worker(self, *options: str, **environment: str) -> Process:
        """Start a worker of one thread, under a nanny unless told otherwise."""
        fixed = ("--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
        return self._start("worker", self.address, *fixed, *options, **environment)

    def log(self, process: Process) -> str:
        """Return what a process has printed so far."""
        return (self._place(process) / "log").read_text(errors="replace")

    def _place(self, process: Process) -> Path:
        return self.folder / f"process-{self.processes.index(process)}"

    def _start(self, *arguments: str, **environment: str) -> Process:
        place = self.folder / f"process-{len(self.processes)}"
        place.mkdir(parents=True)
        with (place / "log").open("wb") as log:
            variables = {**self.environment, **environment}
            # The items of tests lie in the tests' own package.
            variables["PYTHONPATH"] = os.pathsep.join(
                filter(None, [variables.get("PYTHONPATH"), str(PROJECT)])
            )
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                cwd=place,
                env=variables,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process
