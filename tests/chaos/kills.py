"""Processes that die, are told to stop, or come back after they were believed dead."""

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from spam_pipe.pipeline.running.jobs import Context, Job
from spam_pipe.pipeline.running.plan import plan
from spam_pipe.pipeline.running.work import perform
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.failures import Failures
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.store.store import Store
from tests.chaos.scene import Scene, Tally, wait_or_kill
from tests.conftest import draw_images

_MEMORY = 3 * 2**30
"""Bytes of address space that a process may have whose image is too large."""

_PER_ROUND = 10
"""Faults that one run is hit by before it may end and is compared."""


def coordinator(scene: Scene, chance: random.Random, count: int) -> Tally:
    """SIGKILL of a command without workers."""
    return _signalled(scene, chance, count, "SIGKILL of the coordinator", signal.SIGKILL)


def terminated(scene: Scene, chance: random.Random, count: int) -> Tally:
    """SIGTERM."""
    return _signalled(scene, chance, count, "SIGTERM", signal.SIGTERM)


def interrupted(scene: Scene, chance: random.Random, count: int) -> Tally:
    """Ctrl-C."""
    return _signalled(scene, chance, count, "Ctrl-C", signal.SIGINT)


def clock(scene: Scene, chance: random.Random, count: int) -> Tally:
    """A time of day that jumps by up to a day, forth and back, at every look; then SIGKILL."""

    def jump() -> None:
        real = time.time
        time.time = lambda: real() + chance.uniform(-86400, 86400)

    return _signalled(scene, chance, count, "clock jumps", signal.SIGKILL, before=jump, per_round=2)


def _signalled(
    scene: Scene,
    chance: random.Random,
    count: int,
    kind: str,
    number: int,
    *,
    before: Callable[[], None] = lambda: None,
    per_round: int = _PER_ROUND,
) -> Tally:
    tally = Tally(kind)
    while tally.faults < count:
        outputs = scene.place()
        for _ in range(per_round):
            tally.runs += 1
            pid = scene.fork(outputs, before)
            if not wait_or_kill(pid, chance.uniform(0, 0.25) * scene.seconds, number):
                break  # it was faster: all is there
            tally.faults += 1
            if tally.faults == count:
                break
        scene.check(str(outputs), tally)
    return tally


def worker(scene: Scene, chance: random.Random, count: int) -> Tally:
    """SIGKILL of a worker of a command, which must complete the run all the same."""
    tally = Tally("SIGKILL of a worker")
    while tally.faults < count:
        outputs = scene.place()
        process = _start(scene, outputs, "--workers", "2")
        _wait_for_results(process, outputs)
        tally.runs += 1
        for _ in range(4):
            workers = _workers(process)
            if process.poll() is None and workers and tally.faults < count:
                chance.choice(workers).kill()
                tally.faults += 1
                time.sleep(chance.uniform(0.1, 1.5))
        status = process.wait()
        if status not in {0, 1}:  # 1: an item whose worker was killed in its second try too
            tally.wrong.append(f"{outputs}: the command ended with {status}")
        scene.check(str(outputs), tally)
    return tally


def group(scene: Scene, chance: random.Random, count: int) -> Tally:
    """SIGKILL of a command with its workers, or of the command alone, whose workers must end."""
    tally = Tally("SIGKILL of the whole group")
    outputs = scene.place()
    for number in range(3 * count):
        if tally.faults == count:
            break
        process = _start(scene, outputs, "--workers", "2")
        tally.runs += 1
        _wait_for_results(process, outputs, chance.uniform(0, 1))
        children = _descendants(process)
        ended = process.poll() is not None
        if not ended:
            tally.faults += 1
            if number % 3 == 2:
                process.kill()
                if psutil.wait_procs(children, 60)[1]:
                    tally.wrong.append("workers of a killed coordinator stay")
            else:
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for child in children:
            if child.is_running():
                child.kill()
        if ended or number % 4 == 3 or tally.faults == count:
            scene.check(str(outputs), tally)
            outputs = scene.place()
    return tally


def scheduler(scene: Scene, chance: random.Random, count: int) -> Tally:
    """SIGKILL of an external cluster's scheduler."""
    tally = Tally("SIGKILL of a scheduler")
    for _ in range(count):
        outputs = scene.place()
        outputs.mkdir()
        cluster = _Cluster(outputs)
        try:
            process = _start(scene, outputs, "--scheduler", cluster.address)
            tally.runs += 1
            _wait_for_results(process, outputs, chance.uniform(0, 0.5))
            if process.poll() is None:
                cluster.processes[0].kill()
                tally.faults += 1
            try:
                status = process.wait(120)
                if status == 0:
                    tally.notes.append("one was done before it noticed")
            except subprocess.TimeoutExpired:
                process.kill()
                tally.wrong.append("a command whose scheduler was killed never ends")
        finally:
            cluster.stop()
        scene.check(str(outputs), tally)
    return tally


def late_writer(scene: Scene, chance: random.Random, count: int) -> Tally:
    """A worker that is stopped, believed dead, and writes after all has been done again."""
    tally = Tally("late writer")
    for _ in range(count):
        outputs = scene.place()
        scene.run(str(outputs), limit=2)
        _, run = open_existing_run(str(outputs), "images")
        selection = Selection(run, None)
        chain = build_chain(run.config, run.folder)
        context = Context(run.config.model_dump_json(), run.folder.url)
        tasks = [
            (Job(planned.item, planned.work(), context),)
            for planned in plan(selection, chain, run.config, run.folder)
            if planned.work()
        ]
        pid = os.fork()
        if not pid:
            for task in tasks:
                list(perform(task))
            os._exit(0)
        stopped = wait_or_kill(pid, chance.uniform(0, 0.5) * scene.seconds, signal.SIGSTOP)
        scene.check(str(outputs), tally)
        if stopped:
            tally.faults += 1
            os.kill(pid, signal.SIGCONT)
            os.waitpid(pid, 0)
        tally.wrong += scene.differences(str(outputs))
    return tally


def memory(scene: Scene, chance: random.Random, count: int) -> Tally:
    """An image too large for the memory that workers may have."""
    tally = Tally("out of memory")
    for number in range(count):
        folder = draw_images(scene.folder / f"memory-{number}", 8, size=(64, 66))
        (folder / "truth").rename(folder / "unused")
        Image.new("L", (11000, 11000)).save(folder / "images" / "004-large.png")
        outputs = scene.place()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "spam_pipe", "segment", "--dataset"),
                *(str(folder / "images"), "--outputs", str(outputs), "-k", "6", "-q"),
                *("--prior", "gradient", "--set", "segment.network=none", "--workers", "2"),
            ],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY)),
            stderr=subprocess.DEVNULL,
        )
        status = process.wait()
        tally.faults += 1
        tally.runs += 1
        _, run = open_existing_run(str(outputs), "images")
        failed = {item: each for (_, item), each in Failures(run.folder).items.items()}
        if status != 1 or set(failed) != {"004-large"}:
            tally.wrong.append(f"status {status}, failed: {', '.join(failed) or 'none'}")
        tally.notes += [f"{each.item}: {each.kind}: {each.reason}" for each in failed.values()]
        done = list(outputs.glob("images/segment-*.zarr/*/6/zarr.json"))
        if len(done) != 8:
            tally.wrong.append(f"{len(done)} of the 8 other images are done")
    return tally


def hung(scene: Scene, chance: random.Random, count: int) -> Tally:
    """An item whose stage never ends, and `--item-timeout`: it alone is given up."""
    tally = Tally("hung item")
    for _ in range(count):
        outputs = scene.place()
        victim = chance.choice(sorted({item for item, _ in scene.undisturbed.labels}))
        stage = chance.choice(("propose", "prior", "segment", "evaluate"))
        pid = scene.fork(outputs, partial(_hang, victim, stage), item_timeout=3600.0)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        tally.faults += 1
        tally.runs += 1
        _, run = open_existing_run(str(outputs), "images")
        failed = [
            (each.item, each.stage, each.kind) for each in Failures(run.folder).items.values()
        ]
        if status != 1 or failed != [(victim, stage, "TimeoutError")]:
            tally.wrong.append(f"status {status}, failed: {failed} instead of {victim} at {stage}")
        scene.check(str(outputs), tally)
    return tally


def _hang(item_id: str, stage: str) -> None:
    """Make storing one result of a stage take for ever, in this process.

    The hour that an item may take ends at that moment: other items may be as slow as they are.
    """
    write = Store.write

    def hang(store: Store, item: str, *arguments: Any, **options: Any) -> None:
        if item == item_id and store.name.startswith(stage):
            if signal.getitimer(signal.ITIMER_REAL)[0] > 0:
                signal.setitimer(signal.ITIMER_REAL, 0.1)
            time.sleep(3600)
        write(store, item, *arguments, **options)

    Store.write = hang  # type: ignore[method-assign]


def _start(scene: Scene, outputs: Path, *more: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "spam_pipe", *scene.arguments(outputs, *more)]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)


def _wait_for_results(process: "subprocess.Popen[bytes]", outputs: Path, more: float = 0.0) -> None:
    """Wait until a command has stored something new, and then a little more."""
    before = _n_results(outputs)
    while process.poll() is None and _n_results(outputs) <= before:
        time.sleep(0.05)
    time.sleep(more)


def _n_results(outputs: Path) -> int:
    return sum(1 for _ in outputs.glob("images/propose-*.zarr/*/zarr.json"))


def _workers(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """Return a command's worker processes: children of the nannies, which are its own children."""
    try:
        return [each for each in _descendants(process) if "spawn_main" in " ".join(each.cmdline())]
    except psutil.Error:
        return []


def _descendants(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """Return the processes below one, none where it has ended."""
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        return []


class _Cluster:
    """A scheduler and two workers as processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        while not (file.exists() and file.stat().st_size):
            time.sleep(0.1)
        self.address: str = json.loads(file.read_text())["address"]
        for _ in range(2):
            self._start("worker", self.address, "--nthreads", "1", "--no-dashboard")

    def _start(self, *arguments: str) -> None:
        quiet = subprocess.DEVNULL
        command = [sys.executable, "-m", "dask", *arguments]
        self.processes.append(
            subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
        )

    def stop(self) -> None:
        """End what is left."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
