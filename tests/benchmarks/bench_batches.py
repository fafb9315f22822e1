"""Images that share forwards on a worker of several threads, on BSDS500 val: how many, and time.

python tests/benchmarks/bench_batches.py --limit 40 --threads 1,4,8 --device cpu
"""

import argparse
import os
import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.pipeline.configuration.run_config import resolve
from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.running.jobs import Context, Job
from spam_pipe.pipeline.running.work import perform
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.networks import batching
from spam_pipe.stages.networks.engines import Model
from spam_pipe.stages.networks.memory import encoder

ROOT = Path(os.environ.get("SPAM_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
UNITS = {"propose": (None,), "prior": (None,), "segment": (100, 400), "evaluate": (100, 400)}


def main() -> None:
    """Try sizes of batches out, time them, and count those of a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--threads", default="1,4,8")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    batching.SHARED_ON.add("cpu")
    paths = sorted((ROOT / "BSDS500" / "data" / "images" / "val").glob("*.jpg"))[: options.limit]
    labs = [rgb_to_lab(np.asarray(Image.open(path).convert("RGB"))) for path in paths]
    wide = [lab for lab in labs if lab.shape[:2] == (321, 481)][:8]
    network = encoder(Model("trunk", "torch", options.device))
    for shape in ((321, 481), (481, 321)):
        allowed = sorted({batching.shared_size(network, shape, size) for size in (1, 2, 4, 8)})
        print(f"{shape[0]}x{shape[1]}, {options.device}: batches of {allowed} are exact")
    time_batches(wide, options.device)
    for threads in map(int, options.threads.split(",")):
        count_batches(paths, threads, options.device)


def time_batches(labs: list[NDArray[np.float32]], device: str) -> None:
    """Print the time that an image takes in batches of 1 to 8, interleaved."""
    network = encoder(Model("trunk", "torch", device))
    wall: dict[int, list[float]] = {size: [] for size in (1, 2, 4, 8)}
    work: dict[int, list[float]] = {size: [] for size in wall}
    for _ in range(5):
        for size in wall:
            started, cpu = time.perf_counter(), time.process_time()
            for first in range(0, len(labs), size):
                seen = network.forward_batch(labs[first : first + size])
            seen[-1].to_arrays()  # a device is done when its results are here
            wall[size].append((time.perf_counter() - started) / len(labs))
            work[size].append((time.process_time() - cpu) / len(labs))
    for size in wall:
        least, own = min(wall[size]) * 1e3, statistics.median(work[size]) * 1e3
        print(f"batch of {size}: {own:6.1f} ms CPU an image (median), {least:6.1f} ms wall (least)")


def count_batches(paths: list[Path], threads: int, device: str) -> None:
    """Print how often the network was asked in a run of all stages by one worker."""
    sizes: list[int] = []
    network = encoder(Model("trunk", "torch", device)).network
    hook = network.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    with tempfile.TemporaryDirectory() as folder:
        config = resolve([{"n_superpixels": [100, 400], "segment": {"backend": "torch"}}])
        for link in build_chain(config, open_folder(folder)).values():
            link.store.prepare({})
        context = Context(config.model_dump_json(), folder, device)

        def run(path: Path) -> None:
            item = Item(path.stem, "val", ImageFile(path))
            (outcome,) = perform((Job(item, UNITS, context),))
            if outcome.failure:
                raise SystemExit(f"{path}: {outcome.failure.message}")

        cpu = time.process_time()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, paths))
        cpu = time.process_time() - cpu
    hook.remove()
    # Of setting up there is a forward of a tiny image, once a process.
    counted = ", ".join(f"{n} of {size}" for size, n in sorted(Counter(sizes).items()))
    print(
        f"{threads} threads, {len(paths)} images: {len(sizes)} forwards ({counted}), "
        f"{sum(sizes) / len(paths):.2f} times an image; {cpu / len(paths):.2f} CPU s an image"
    )


if __name__ == "__main__":
    main()
