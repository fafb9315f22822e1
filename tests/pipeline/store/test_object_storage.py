"""Outputs on S3: what an item costs, and workers that share nothing but the bucket."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spam_pipe.pipeline.store.folder import Folder, open_folder
from spam_pipe.pipeline.store.store import Store
from tests.benchmarks.bench_requests import PLAIN, STAGES, requests_per_item
from tests.conftest import PATIENCE, draw_images
from tests.external_cluster import ExternalCluster
from tests.object_storage import ObjectStorage

pytest.importorskip("moto")
pytest.importorskip("s3fs")
pytest.importorskip("flask_cors")

COUNTS = (6, 12)
OPTIONS = ("--prior", "gradient", "--set", PLAIN[0], "-k", "6,12", "--device", "cpu")


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStorage]:
    """An S3 service that this process and its children reach through the environment."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with ObjectStorage() as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def test_an_item_costs_at_most_twenty_requests_a_stage(
    storage: ObjectStorage, tmp_path: Path
) -> None:
    pictures = draw_images(tmp_path / "pictures", 3)
    found = requests_per_item(storage, pictures, "gradient", PLAIN)
    # Reading a unit: its record, and two objects an array; what is small shares an array. Writing:
    # a look for an older record, two objects an array, a group or two, the record.
    assert {name: dict(+found[name]) for name in (*STAGES, "planning")} == {
        "propose": {"GET": 1, "PUT": 8},
        "prior": {"GET": 8, "PUT": 8},
        "segment": {"GET": 9, "PUT": 10},  # two counts
        "evaluate": {"GET": 8, "PUT": 4},
        "planning": {"GET": 6},
    }
    assert max(found[name].total() for name in STAGES) <= 20


def results(run: Folder) -> dict[str, bytes]:
    found = {}
    for name in run.names():
        if name.startswith("segment-"):
            store = Store(run, name)
            for item in (each for each in run.names(name) if each != "zarr.json"):
                for unit in COUNTS:
                    labels = store.read(item, unit)[1].arrays["labels"]
                    found[f"{name}/{item}/{unit}"] = labels.tobytes()
    return found


def test_workers_that_come_and_go_make_the_same_to_the_byte(
    storage: ObjectStorage, tmp_path: Path, command: Callable[..., dict[str, Any]]
) -> None:
    pictures = draw_images(tmp_path / "pictures", 12)
    dataset = ("--dataset", str(pictures / "images"), "--ground-truth", str(pictures / "truth"))
    outputs = f"s3://{storage.bucket}/outputs"
    with ExternalCluster(tmp_path / "cluster", storage.environment) as cluster:
        workers = [cluster.start_worker() for _ in range(3)]
        place = ("--outputs", outputs, "--scheduler", cluster.address)
        coordinator = subprocess.Popen(
            [sys.executable, "-m", "spam_pipe", "report", *dataset, *OPTIONS, *place],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for_puts(storage, coordinator, 2)
        workers[0].send_signal(signal.SIGTERM)  # leaves
        wait_for_puts(storage, coordinator, 5)
        workers[1].kill()  # is lost, nanny and all
        cluster.start_worker()
        _, said = coordinator.communicate(timeout=PATIENCE)
    assert coordinator.returncode == 0, said
    done = command(
        "report",
        dataset=str(pictures / "images"),
        ground_truth=str(pictures / "truth"),
        prior="gradient",
        assignments=list(PLAIN),
        n_superpixels="6,12",
    )
    assert done["status"] == 0
    here, there = open_folder(done["folder"]), open_folder(f"{outputs}/images")
    assert len(results(here)) == 24
    assert results(here) == results(there)
    for name in ("summary.csv", "summary.md"):
        assert here.read(f"report/{name}") == there.read(f"report/{name}")
    # Nobody had a folder of outputs in common, or made one of their own.
    assert not list((tmp_path / "cluster").rglob("*.zarr"))


def wait_for_puts(storage: ObjectStorage, running: subprocess.Popen[str], items: int) -> None:
    """Wait until so many items have their labels, or the command ended."""
    while running.poll() is None:
        stored = {
            address.split("/")[3]
            for method, address in list(storage.requests)
            if method == "PUT" and "/segment-" in address and address.endswith("/12/zarr.json")
        }
        if len(stored) >= items:
            return
        time.sleep(0.05)


def test_an_unreachable_bucket_is_one_line(
    storage: ObjectStorage, command: Callable[..., dict[str, Any]], pictures: Path
) -> None:
    from spam_pipe.pipeline.errors import UserError

    with pytest.raises(UserError, match="s3://nowhere/outputs: cannot write there"):
        command("evaluate", dataset=str(pictures / "images"), outputs="s3://nowhere/outputs")
    assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
