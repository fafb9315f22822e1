"""What computing networks with ONNX Runtime saves, beside torch: in pairs, each in turn.

    python -m tests.benchmarks.bench_engines [--images FOLDER] [--weights trunk] [--rounds 8]

Prints medians of processor and wall seconds, and their ratios:

- the forward of an image, both engines in one process, one after the other;
- a process from its start to its first superpixels (kernels compiled), for each engine;
- the largest memory of that process, and of one that segments ten images.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENGINES = ("torch", "onnxruntime")
SHAPE = (321, 481)

START = """
import json, resource, sys, time
began = time.perf_counter()
import numpy as np
import spam_pipe
from spam_pipe.stages.networks import engines

engine, weights, what, count, images = json.loads(sys.argv[1])
auto = engines.choose_engine
engines.choose_engine = lambda option, device: engine  # what the API leaves to the device
for number in range(count):
    if images:
        from PIL import Image
        image = np.asarray(Image.open(images[number % len(images)]).convert("RGB"))
    else:
        image = np.random.default_rng(number).integers(0, 256, (321, 481, 3)).astype(np.uint8)
    if what == "forward":
        from spam_pipe.stages.colour import rgb_to_lab
        network = engines.load(weights)
        network.forward(rgb_to_lab(image))
    else:
        spam_pipe.segment(image, 400)
used = resource.getrusage(resource.RUSAGE_SELF)
assert ("torch" in sys.modules) == (engine == "torch")
(peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
own = used.ru_utime + used.ru_stime
print(json.dumps([time.perf_counter() - began, own, int(peak) / 2**20]))
"""


def photographs(folder: str | None) -> list[str]:
    return [] if folder is None else [str(path) for path in sorted(Path(folder).glob("*.jpg"))[:10]]


def picture(images: list[str]) -> NDArray[np.uint8]:
    from PIL import Image

    if images:
        return np.asarray(Image.open(images[0]).convert("RGB"))
    return np.random.default_rng(0).integers(0, 256, (*SHAPE, 3)).astype(np.uint8)


def told(name: str, found: dict[str, list[tuple[float, ...]]], *columns: str) -> None:
    for number, column in enumerate(columns):
        torch, runtime = (median(row[number] for row in found[engine]) for engine in ENGINES)
        print(f"{name:32s} {column:12s} {torch:9.3f} {runtime:9.3f} {runtime / torch:7.2f} x")


def forwards(weights: str, rounds: int, image: NDArray[np.uint8]) -> None:
    from spam_pipe.stages.colour import rgb_to_lab
    from spam_pipe.stages.networks.engines import load

    lab = rgb_to_lab(image)
    encoders = {engine: load(weights, engine=engine) for engine in ENGINES}  # type: ignore[arg-type]
    found: dict[str, list[tuple[float, ...]]] = {engine: [] for engine in ENGINES}
    for encoder in encoders.values():
        encoder.forward(lab, np.zeros((*lab.shape[:2], 5), np.float32))
    for _ in range(rounds):
        for engine, encoder in encoders.items():
            wall, own = time.perf_counter(), time.process_time()
            encoder.forward(lab, np.zeros((*lab.shape[:2], 5), np.float32))
            found[engine].append((time.process_time() - own, time.perf_counter() - wall))
    told(f"forward of {weights}", found, "processor s", "wall s")


def processes(name: str, rounds: int, **asked: Any) -> None:
    found: dict[str, list[tuple[float, ...]]] = {engine: [] for engine in ENGINES}
    for number in range(rounds + 1):
        for engine in ENGINES:
            given = [engine, asked["weights"], asked["what"], asked["count"], asked["images"]]
            ran = subprocess.run(
                [sys.executable, "-c", START, json.dumps(given)],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
            )
            wall, own, memory = json.loads(ran.stdout)
            if number:  # the first may compile kernels and read from disk
                found[engine].append((own, wall, memory))
    told(name, found, "processor s", "wall s", "peak GiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", help="folder of .jpg images; noise by default")
    parser.add_argument("--weights", default="trunk")
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    images = photographs(options.images)
    print(f"{'':32s} {'':12s} {'torch':>9s} {'ONNX':>9s} {'ratio':>9s}")
    forwards(options.weights, options.rounds, picture(images))
    shared = {"weights": options.weights, "images": images}
    processes("start to first forward", options.rounds, what="forward", count=1, **shared)
    processes("start to first superpixels", options.rounds, what="segment", count=1, **shared)
    processes("ten images", max(2, options.rounds // 4), what="segment", count=10, **shared)


if __name__ == "__main__":
    main()
