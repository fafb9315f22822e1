"""Workers as they are on a device, on processors: an item computes while another is loaded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.configuration.run_config import resolve
from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.running.dask.executor import Dask
from spam_pipe.pipeline.running.executors import InProcess
from spam_pipe.pipeline.running.jobs import Context, Job, Task
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.stages.networks import memory
from spam_pipe.stages.networks.engines import Model

TORCH = {
    "n_superpixels": [20, 60],
    "segment": {"backend": "torch", "engine": "torch"},
    "propose": {"contour": {"engine": "torch"}},
}
UNITS = {"propose": (None,), "prior": (None,), "segment": (20, 60), "evaluate": (20, 60)}


def draw(folder: Path, count: int, size: tuple[int, int]) -> list[Item]:
    folder.mkdir()
    items = []
    for number in range(count):
        random = np.random.default_rng(number)
        blocks = random.integers(0, 255, (size[0] // 20, size[1] // 20, 3))
        picture = np.kron(blocks, np.ones((20, 20, 1))) + random.normal(0, 12, (*size, 3))
        path = folder / f"{folder.name}-{number}.png"
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)
        items.append(Item(path.stem, "all", ImageFile(path)))
    return items


def prepare(options: dict[str, Any], items: list[Item], outputs: Path, units: Any) -> list[Task]:
    config = resolve([options])
    chain = build_chain(config, open_folder(str(outputs)))
    for link in chain.values():
        link.store.prepare({})
    work = {name: units[name] for name in chain}
    context = Context(config.model_dump_json(), str(outputs))
    return [(Job(item, work, context),) for item in items]


def stored(options: dict[str, Any], items: list[Item], outputs: Path) -> dict[str, Any]:
    """Return all that a run's stores hold, arrays by their bytes."""
    found: dict[str, Any] = {}
    for name, link in build_chain(resolve([options]), open_folder(str(outputs))).items():
        for item in items:
            for unit in UNITS[name]:
                _, made = link.store.read(item.id, unit)
                found[f"{name}/{item.id}/{unit}"] = dict(made.attributes)
                for key, array in made.arrays.items():
                    found[f"{name}/{item.id}/{unit}/{key}"] = array.dtype, array.tobytes()
    return found


def count_forwards() -> None:
    """Count the forwards of this process in `memory.forwards`."""
    memory.forwards = forwards = []  # type: ignore[attr-defined]
    network = memory.encoder(Model("efficientunet", "torch", "cpu")).network  # type: ignore[attr-defined]
    network.register_forward_pre_hook(lambda _, given: forwards.append(given[0].shape[2]))


@pytest.fixture(scope="module")
def device_worker() -> Iterator[Dask]:
    """A worker as on a machine of one CUDA device."""
    executor = Dask(1, devices=("0",))
    executor.client.run(count_forwards)
    yield executor
    executor.close()


def test_a_device_worker_makes_the_same_to_the_byte(device_worker: Dask, tmp_path: Path) -> None:
    wide, high = draw(tmp_path / "wide", 3, (160, 220)), draw(tmp_path / "high", 1, (220, 160))
    items = [*wide, *high]
    for name, executor in (("one", InProcess()), ("device", device_worker)):
        tasks = prepare(TORCH, items, tmp_path / name, UNITS)
        outcomes = list(executor.run(iter(tasks)))
        assert [outcome.failure for outcome in outcomes] == [None] * len(items)
    alone, shared = (stored(TORCH, items, tmp_path / name) for name in ("one", "device"))
    assert len(alone) > len(items) * 6
    assert shared == alone
    (made,) = device_worker.client.run(lambda: memory.forwards).values()  # type: ignore[attr-defined]
    # One of each image, beside tiny ones of setting up: stages find what an earlier one computed.
    assert len([height for height in made if height > 64]) == len(items)
