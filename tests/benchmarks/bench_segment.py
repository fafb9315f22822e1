"""Time of the segmentation beside its peers: interleaved runs on the same images.

    python tests/benchmarks/bench_segment.py

Each round runs every contender once, so that whatever else the machine does hits all alike.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage.data
from numba import config
from numpy.typing import NDArray
from PIL import Image
from skimage.segmentation import slic

from spam_pipe.stages.clustering.candidates import candidate_seeds
from spam_pipe.stages.clustering.features import scaled_features
from spam_pipe.stages.clustering.nearest import settle_seeds
from spam_pipe.stages.clustering.seeds import lattice_seeds
from spam_pipe.stages.clustering.soft_clustering import cluster
from spam_pipe.stages.clustering.spam import spam
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.methods.config import SegmentConfig

ROOT = Path(os.environ.get("SPAM_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
ROUNDS = 9
Contenders = dict[str, Callable[[], object]]


def pictures() -> list[NDArray[np.uint8]]:
    """Four BSD images, or photographs that come with scikit-image where there is no BSD."""
    paths = sorted((ROOT / "BSDS500" / "data" / "images" / "val").glob("*.jpg"))[::25]
    if paths:
        return [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    return [skimage.data.astronaut()[:321, :481], skimage.data.coffee()[:321, :481]]


def opencv_slic(image: NDArray[np.uint8], count: int) -> Callable[[], object] | None:
    """OpenCV's SLIC on Lab, where opencv-contrib is installed."""
    try:
        import cv2
        from cv2 import ximgproc
    except ImportError:
        return None
    size = round(np.sqrt(image.shape[0] * image.shape[1] / count))

    def run() -> object:
        lab = cv2.cvtColor(cv2.GaussianBlur(image, (3, 3), 0), cv2.COLOR_RGB2LAB)
        segmentation = ximgproc.createSuperpixelSLIC(lab, ximgproc.SLIC, size, 10.0)
        segmentation.iterate(10)
        segmentation.enforceLabelConnectivity(25)
        return segmentation.getLabels()

    return run


def contenders(image: NDArray[np.uint8], count: int) -> Contenders:
    """What to time on an image, each from RGB to labels."""
    refined, paper = SegmentConfig(), SegmentConfig(mode="paper")
    entries: Contenders = {
        "spam, D = 5": lambda: spam(rgb_to_lab(image), count, config=refined),
        "spam, D = 5, paper's mode": lambda: spam(rgb_to_lab(image), count, config=paper),
        "scikit-image SLIC": lambda: slic(image, count, start_label=0),
    }
    opencv = opencv_slic(image, count)
    return entries if opencv is None else {**entries, "OpenCV SLIC": opencv}


def ten_iterations(image: NDArray[np.uint8], count: int, channels: int) -> Callable[[], object]:
    """Run the clustering alone, at a given D."""
    height, width, _ = image.shape
    deep = np.random.default_rng(0).normal(size=(height, width, channels - 5)).astype(np.float32)
    features = scaled_features(rgb_to_lab(image), count, deep=deep)
    objects, counts = np.ones((height, width), np.int32), np.array([count])
    seeds, positions, counts = settle_seeds(objects, lattice_seeds(objects, counts), counts)
    lists = candidate_seeds(positions, counts, 1.65 * np.sqrt(height * width / count))
    return lambda: cluster(features, seeds.ravel(), lists, 10)


def time_interleaved(groups: list[Contenders]) -> dict[str, NDArray[np.float64]]:
    """Return, by contender, (ROUNDS, groups) seconds."""
    seconds: dict[str, NDArray[np.float64]] = {}
    for entries in groups:
        for run in entries.values():
            run()
    for round_ in range(ROUNDS):
        for i, entries in enumerate(groups):
            for name, run in entries.items():
                start = time.perf_counter()
                run()
                table = seconds.setdefault(name, np.empty((ROUNDS, len(groups))))
                table[round_, i] = time.perf_counter() - start
    return seconds


def main() -> None:
    images = pictures()
    print(f"{len(images)} images of {images[0].shape[:2]}, {config.NUMBA_NUM_THREADS} threads, ms")
    print(f"{'':30} {'K':>5} {'least':>8} {'median':>8} {'x SLIC':>8}")
    for count in (100, 400):
        seconds = time_interleaved([contenders(image, count) for image in images])
        peer = np.median(seconds["scikit-image SLIC"])
        for name, table in seconds.items():
            least, median = table.min(axis=0).mean(), np.median(table)
            print(
                f"{name:30} {count:5} {1e3 * least:8.1f} {1e3 * median:8.1f} {median / peer:8.2f}"
            )
    for channels in (5, 20):
        name = f"ten iterations, D = {channels}"
        runs: list[Contenders] = [{name: ten_iterations(image, 400, channels)} for image in images]
        table = time_interleaved(runs)[name]
        print(f"{name:30} {400:5} {1e3 * table.min():8.1f} {1e3 * np.median(table):8.1f}")


if __name__ == "__main__":
    main()
