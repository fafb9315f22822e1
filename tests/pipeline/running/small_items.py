"""Small images that are files nowhere, and the jobs that bring them up to date."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spam_pipe.pipeline.configuration.run_config import RunConfig, resolve
from spam_pipe.pipeline.items import ImageSource, Item
from spam_pipe.pipeline.running.jobs import Context, Job
from spam_pipe.pipeline.runs.chain import Chain, build_chain
from spam_pipe.pipeline.store.folder import Folder, open_folder


@dataclass(frozen=True)
class Noise(ImageSource):
    """An image of 12 x 12 random pixels; what it is asked for stands in `asked`."""

    seed: int
    written: str = "monday"
    asked: list[str] | None = None
    broken: bool = False

    def signature(self) -> str:
        return f"{self.seed} of {self.written}"

    def digest(self) -> str:
        self._note("digest")
        return f"content {self.seed}"

    def read(self) -> np.ndarray:
        self._note("read")
        if self.broken:
            raise ValueError(f"image {self.seed} is damaged")
        pixels = np.random.default_rng(self.seed).integers(0, 255, (12, 12, 3))
        return pixels.astype(np.uint8)

    def _note(self, what: str) -> None:
        if self.asked is not None:
            self.asked.append(what)


def noise_item(number: int, **options: Any) -> Item:
    return Item(f"noise-{number}", "all", Noise(number, **options))


@dataclass(frozen=True)
class SmallRun:
    """A run without a network: propose, prior, segment at K = 2 and 4."""

    config: RunConfig
    folder: Folder
    chain: Chain

    def job(self, item: Item, *stages: str, **context: Any) -> Job:
        """Return a job that makes all of an item, or what some stages make of it."""
        work = {name: self.chain[name].units for name in stages or self.chain}
        shared = Context(self.config.model_dump_json(), self.folder.url, **context)
        return Job(item, work, shared)


def small_run(folder: Path, *assignments: dict[str, Any]) -> SmallRun:
    bare = {
        "n_superpixels": [2, 4],
        "propose": {"source": "gradient"},
        "segment": {"network": "none"},
    }
    config = resolve([bare, *assignments])
    run = open_folder(str(folder))
    chain = build_chain(config, run, "segment")
    for link in chain.values():
        link.store.prepare({})
    return SmallRun(config, run, chain)
