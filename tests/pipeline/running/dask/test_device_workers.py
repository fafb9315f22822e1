"""Workers as they are on a device, on processors: several threads whose images share forwards."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from spam_pipe.pipeline.configuration.run_config import resolve
from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.running.dask.executor import Dask
from spam_pipe.pipeline.running.executors import InProcess
from spam_pipe.pipeline.running.jobs import Context, Job, Outcome, Task
from spam_pipe.pipeline.running.work import _COMPUTING, perform
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.stages.networks import batching, memory
from spam_pipe.stages.networks.base import Network, Prediction
from spam_pipe.stages.networks.engines import Model
from spam_pipe.stages.networks.torch_encoder import TorchEncoder
from tests.conftest import wait_until

TORCH = {
    "n_superpixels": [20, 60],
    "segment": {"backend": "torch", "engine": "torch"},
    "propose": {"contour": {"engine": "torch"}},
}
NETWORK_ALONE = {
    "n_superpixels": [4],
    "propose": {"source": "none"},
    "segment": {"engine": "torch"},
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


def share_on_processors() -> None:
    """Let this process share forwards on processors, and count them in `memory.sizes`."""
    batching.SHARED_ON.add("cpu")
    for shape in ((220, 300), (300, 220)):
        for size in (2, 4, 8):
            batching.shared_size(memory.encoder(Model("trunk", "torch", "cpu")), shape, size)
    memory.sizes = sizes = []  # type: ignore[attr-defined]
    network = memory.encoder(Model("trunk", "torch", "cpu")).network
    network.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))


@pytest.fixture(scope="module")
def device_worker() -> Iterator[Dask]:
    """A worker as on a machine of one CUDA device."""
    executor = Dask(1, devices=("0",))
    executor.client.run(share_on_processors)
    yield executor
    executor.close()


def test_a_device_worker_makes_the_same_to_the_byte(device_worker: Dask, tmp_path: Path) -> None:
    wide, high = draw(tmp_path / "wide", 8, (220, 300)), draw(tmp_path / "high", 4, (300, 220))
    items = [*wide, *high]
    for name, executor in (("one", InProcess()), ("device", device_worker)):
        tasks = prepare(TORCH, items, tmp_path / name, UNITS)
        outcomes = list(executor.run(iter(tasks)))
        assert [outcome.failure for outcome in outcomes] == [None] * 12
    alone, shared = (stored(TORCH, items, tmp_path / name) for name in ("one", "device"))
    assert len(alone) > 12 * 6
    assert shared == alone
    (sizes,) = device_worker.client.run(lambda: memory.sizes).values()  # type: ignore[attr-defined]
    # A tiny forward of setting up, and one of each image or less.
    assert sum(sizes) <= 1 + 12


class Colours(Network):
    """A network whose batches are exact on every machine; it counts them."""

    takes_positions = False
    reach = 0
    stride = 1

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def forward(self, features: torch.Tensor) -> Prediction:
        self.batches.append(len(features))
        return Prediction(features / 4)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Colours:
    """The network of this process; batches are tried out for images of 80x80."""
    made = Colours()
    encoder = TorchEncoder(made, torch.device("cpu"))
    monkeypatch.setattr(memory, "encoder", lambda model: encoder)
    monkeypatch.setattr(batching, "SHARED_ON", {"cpu"})
    for size in (2, 4):
        batching.shared_size(encoder, (80, 80), size)
    made.batches.clear()
    return made


def perform_together(tasks: list[Task]) -> list[Outcome]:
    """Perform tasks in a thread each; all wait for their turn before the first has it."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        with _COMPUTING.turn(0):
            running = [pool.submit(lambda task=task: next(perform(task))) for task in tasks]
            wait_until(
                lambda: (
                    len(_COMPUTING._waiting) + sum(each.done() for each in running) == len(tasks)
                )
            )
        return [each.result() for each in running]


def test_items_that_wait_share_a_forward(network: Colours, tmp_path: Path) -> None:
    items = draw(tmp_path / "images", 4, (80, 80))
    tasks = prepare(NETWORK_ALONE, items, tmp_path / "run", {"segment": (4,), "evaluate": (4,)})
    outcomes = perform_together(tasks)
    assert [outcome.failure for outcome in outcomes] == [None] * 4
    assert network.batches == [4]


def test_an_item_that_fails_harms_no_other(network: Colours, tmp_path: Path) -> None:
    items = draw(tmp_path / "images", 5, (80, 80))
    Path(tmp_path / "images" / "images-2.png").write_bytes(b"damaged")
    tasks = prepare(NETWORK_ALONE, items, tmp_path / "run", {"segment": (4,), "evaluate": (4,)})
    outcomes = perform_together(tasks)
    assert [outcome.item_id for outcome in outcomes if outcome.failure] == ["images-2"]
    assert network.batches == [4]


def test_what_was_announced_goes_with_its_task(network: Colours, tmp_path: Path) -> None:
    from spam_pipe.stages.networks.announced import _at_work

    items = draw(tmp_path / "images", 2, (80, 80))
    tasks = prepare(NETWORK_ALONE, items, tmp_path / "run", {"segment": (4,), "evaluate": (4,)})
    held = []

    def look(*_: object) -> None:
        held.append(len(_at_work))

    network.register_forward_pre_hook(look)
    for task in tasks:
        assert next(perform(task)).failure is None
    assert held == [1, 1]
    assert len(_at_work) == 0
