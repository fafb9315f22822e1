"""Real worker processes: the same results, and a dead or hung one costs a retry at most."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from spam_pipe.pipeline.configuration.run_config import resolve
from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.items import ImageSource, Item
from spam_pipe.pipeline.running.dask.executor import Dask
from spam_pipe.pipeline.running.jobs import Context, Job
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.pipeline.store.store import Store
from tests.conftest import PATIENCE, SpamPipe, draw_images, wait_until
from tests.external_cluster import ExternalCluster

PLAIN = ("--prior", "gradient", "--set", "segment.network=none")
COMMAND = ("evaluate", *PLAIN, "-k", "6,12", "--device", "cpu")
BARE = {"propose": {"source": "none"}, "segment": {"network": "none"}}


@dataclass(frozen=True)
class Deadly(ImageSource):
    """An image that kills the process that reads it, while the file `armed` exists."""

    armed: Path
    hangs: bool = False

    def signature(self) -> str:
        return "deadly"

    def digest(self) -> str:
        return "deadly"

    def read(self) -> np.ndarray:
        if self.armed.exists():
            if self.hangs:
                time.sleep(PATIENCE)
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return np.zeros((8, 8, 3), np.uint8)


@dataclass(frozen=True)
class DeadlyOnce(Deadly):
    """An image that kills the first process that reads it."""

    def read(self) -> np.ndarray:
        try:
            self.armed.unlink()
        except FileNotFoundError:
            return np.zeros((8, 8, 3), np.uint8)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


@dataclass(frozen=True)
class Plain(ImageSource):
    """A small image."""

    number: int

    def signature(self) -> str:
        return str(self.number)

    def digest(self) -> str:
        return str(self.number)

    def read(self) -> np.ndarray:
        return np.random.default_rng(self.number).integers(0, 255, (12, 12, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def executor() -> Iterator[Dask]:
    made = Dask(2)
    yield made
    made.close()


def run_jobs(
    executor: Dask, items: list[Item], outputs: Path, limits: Mapping[str, float] = {}
) -> dict[str, Any]:
    """Run items through all stages; `limits` gives some of them an `--item-timeout`."""
    config = resolve([{"n_superpixels": [4]}, BARE])
    run = open_folder(str(outputs))
    for link in build_chain(config, run).values():
        link.store.prepare({})
    context = Context(config.model_dump_json(), str(outputs))
    tasks = (
        (
            Job(
                item,
                {"segment": (4,), "evaluate": (4,)},
                replace(context, item_timeout=limits.get(item.id)),
            ),
        )
        for item in items
    )
    return {outcome.item_id: outcome for outcome in executor.run(tasks)}


def plain_items(count: int) -> list[Item]:
    return [Item(f"plain-{n}", "all", Plain(n)) for n in range(count)]


def test_an_item_that_kills_its_worker_is_reported_and_nobody_else(
    executor: Dask, tmp_path: Path
) -> None:
    armed = tmp_path / "armed"
    armed.touch()
    items = plain_items(12)
    items.insert(3, Item("deadly", "all", Deadly(armed)))
    outcomes = run_jobs(executor, items, tmp_path / "run")
    assert set(outcomes) == {item.id for item in items}
    failed = {name for name, outcome in outcomes.items() if outcome.failure}
    assert failed == {"deadly"}
    assert "died twice" in outcomes["deadly"].failure.message


def test_a_worker_killed_once_costs_a_retry(executor: Dask, tmp_path: Path) -> None:
    armed = tmp_path / "armed"
    armed.touch()
    items = [*plain_items(8), Item("once", "all", DeadlyOnce(armed))]
    outcomes = run_jobs(executor, items, tmp_path / "run")
    assert len(outcomes) == 9
    assert not any(outcome.failure for outcome in outcomes.values())


def test_a_hung_item_is_given_up(executor: Dask, tmp_path: Path) -> None:
    armed = tmp_path / "armed"
    armed.touch()
    items = [Item("hung", "all", Deadly(armed, hangs=True)), *plain_items(4)]
    outcomes = run_jobs(executor, items, tmp_path / "run", {"hung": 2.0})
    assert {name for name, outcome in outcomes.items() if outcome.failure} == {"hung"}
    assert "no result within 2 s" in outcomes["hung"].failure.message


def test_jobs_are_taken_as_room_appears(executor: Dask, tmp_path: Path) -> None:
    taken = 0

    def counted() -> Iterator[Item]:
        nonlocal taken
        for item in plain_items(40):
            taken += 1
            yield item

    config = resolve([{"n_superpixels": [4]}, BARE])
    context = Context(config.model_dump_json(), str(tmp_path / "run"))
    outcomes = executor.run((Job(item, {"segment": (4,)}, context),) for item in counted())
    next(outcomes)
    assert taken <= 3 * 2 + 1
    assert sum(1 for _ in outcomes) == 39


def test_what_dask_remembers_does_not_grow_with_the_run(executor: Dask, tmp_path: Path) -> None:
    from dask.utils import key_split

    assert len(run_jobs(executor, plain_items(60), tmp_path / "run")) == 60
    names = executor.client.run(lambda: key_split.cache_info().currsize)
    assert max(key_split.cache_info().currsize, *names.values()) < 30
    spans = executor.cluster.scheduler.extensions["spans"].spans.values()
    assert not any(span.metadata for span in spans)

    def remembered(dask_worker: Any) -> tuple[int, bool]:
        return dask_worker.monitor.maxlen, "profile" in dask_worker.periodic_callbacks

    assert set(executor.client.run(remembered).values()) == {(100, False)}
    assert (
        executor.client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.monitor.maxlen)
        == 100
    )


def labels_of(outputs: Path) -> dict[str, bytes]:
    run = open_folder(str(outputs / "images"))
    found = {}
    for name in run.names():
        if name.startswith("segment-"):
            store = Store(run, name)
            for item in run.names(name):
                for unit in (6, 12):
                    if store.record(item, unit):
                        labels = store.read(item, unit)[1].arrays["labels"]
                        found[f"{name}/{item}/{unit}"] = labels.tobytes()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images and their results, made in one process."""
    folder = draw_images(tmp_path_factory.mktemp("undisturbed"), 12)
    arguments = dataset_arguments(folder)
    subprocess.run(
        [sys.executable, "-m", "spam_pipe", "report", *COMMAND[1:], *arguments],
        cwd=folder,
        check=True,
        timeout=PATIENCE,
    )
    return folder


def dataset_arguments(folder: Path) -> tuple[str, ...]:
    return ("--dataset", str(folder / "images"), "--ground-truth", str(folder / "truth"))


def compare(folder: Path, other: Path) -> None:
    assert len(labels_of(folder / "outputs")) == 24
    assert labels_of(folder / "outputs") == labels_of(other)
    for name in ("summary.csv", "summary.md"):
        mine = (folder / "outputs/images/report" / name).read_bytes()
        assert mine == (other / "images/report" / name).read_bytes()


def test_workers_make_the_same_to_the_byte(
    undisturbed: Path, spam_pipe: SpamPipe, tmp_path: Path
) -> None:
    arguments = dataset_arguments(undisturbed)
    done = spam_pipe("report", *COMMAND[1:], *arguments, "--workers", "2")
    assert done.returncode == 0, done.stderr
    compare(undisturbed, tmp_path / "outputs")


def test_an_existing_scheduler_makes_the_same_to_the_byte(
    undisturbed: Path, spam_pipe: SpamPipe, tmp_path: Path
) -> None:
    with ExternalCluster(tmp_path / "cluster") as cluster:
        cluster.start_worker()
        cluster.start_worker()
        arguments = dataset_arguments(undisturbed)
        done = spam_pipe("report", *COMMAND[1:], *arguments, "--scheduler", cluster.address)
    assert done.returncode == 0, done.stderr
    compare(undisturbed, tmp_path / "outputs")


def test_a_worker_killed_in_the_middle_changes_nothing(
    undisturbed: Path, spam_pipe: SpamPipe, tmp_path: Path
) -> None:
    killed: list[int] = []
    ended = threading.Event()
    watcher = threading.Thread(target=kill_a_worker, args=(tmp_path / "outputs", killed, ended))
    watcher.start()
    arguments = dataset_arguments(undisturbed)
    done = spam_pipe("report", *COMMAND[1:], *arguments, "--workers", "2")
    ended.set()
    watcher.join()
    assert killed
    assert done.returncode == 0, done.stderr
    compare(undisturbed, tmp_path / "outputs")


def kill_a_worker(outputs: Path, killed: list[int], ended: threading.Event) -> None:
    """Kill one worker process of a command of ours as soon as it has stored something."""
    wait_until(
        lambda: list(outputs.glob("images/segment-*/0*/6/zarr.json")),
        still_possible=lambda: not ended.is_set(),
    )
    for child in psutil.Process().children(recursive=True):
        try:
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
                killed.append(child.pid)
                return
        except psutil.Error:
            continue


def test_no_scheduler_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import Client

    def impatient(address: str, timeout: str, **options: Any) -> Client:
        assert timeout == "10s"  # one that was started just now may take a while
        return Client(address, timeout="0.5s", **options)

    monkeypatch.setattr("distributed.Client", impatient)
    with pytest.raises(UserError, match="no Dask scheduler answers") as said:
        Dask(0, "tcp://127.0.0.1:1")
    assert "at tcp://127.0.0.1:1: " in str(said.value)
    assert "\n" not in str(said.value)


def test_a_task_is_small(pictures: Path) -> None:
    import pickle

    source = ImageFile(pictures / "images" / "000.png")
    context = Context(resolve([BARE]).model_dump_json(), "outputs/run")
    job = Job(Item("000", "all", source), {"segment": (100, 400)}, context)
    assert len(pickle.dumps((job,))) < 4000
