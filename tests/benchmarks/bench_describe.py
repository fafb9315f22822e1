"""Milliseconds and memory of table, graph and polygons on BSD images, beside their peers.

    python tests/benchmarks/bench_describe.py [IMAGES]

Label maps are scikit-image's SLIC at K = 400; reading files is not timed. Each figure is the
median over images of the fastest of seven runs, in time of the thread, so that what else runs
counts little. Memory is the most that was allocated at once (tracemalloc), as a multiple of the
image in float32.
"""

import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.graph import rag_boundary, rag_mean_color
from skimage.measure import regionprops_table
from skimage.segmentation import slic

from spam_pipe.stages.describe.graph import graph
from spam_pipe.stages.describe.networks import to_networkx
from spam_pipe.stages.describe.polygons import polygons
from spam_pipe.stages.describe.table import table

PROJECT = Path(__file__).resolve().parents[2]
COUNT = 400
FIGURES = ("label", "area", "centroid", "bbox", "perimeter", "intensity_mean", "intensity_std")


def fastest(call: Callable[[], Any], runs: int = 7) -> float:
    """Return the milliseconds that the thread computed in the fastest of several calls."""
    call()
    times = []
    for _ in range(runs):
        begin = time.thread_time()
        call()
        times.append(time.thread_time() - begin)
    return 1000 * min(times)


def peak(call: Callable[[], Any]) -> int:
    """Return the bytes that a call allocates at most at once."""
    tracemalloc.start()
    call()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def rasterio_polygons(labels: NDArray[np.int32]) -> list[Any]:
    """Trace polygons with GDAL."""
    import shapely
    from rasterio.features import shapes

    return [shapely.geometry.shape(outline) for outline, _ in shapes(labels)]


def calls(image: NDArray[np.uint8], labels: NDArray[np.int32]) -> dict[str, Callable[[], Any]]:
    """Return what is timed on an image."""
    contour = np.random.default_rng(0).random(labels.shape, np.float32)
    objects = (labels // 9).astype(np.uint16)
    from_one = labels + 1
    known: dict[str, Callable[[], Any]] = {
        "table": lambda: table(labels, image, objects=objects),
        "graph": lambda: graph(labels, image, contour=contour),
        "polygons": lambda: polygons(labels),
        "polygons, simplified": lambda: polygons(labels, simplify=2),
        "peer: regionprops_table": lambda: regionprops_table(
            from_one, image.astype(np.float64), properties=FIGURES
        ),
        "peer: rag_mean_color": lambda: rag_mean_color(image, labels),
        "peer: rag_boundary": lambda: rag_boundary(labels, contour.astype(np.float64)),
        "table and graph to networkx": lambda: to_networkx(
            table(labels, image), graph(labels, image)
        ),
    }
    if find_spec("rasterio") is not None:
        known["peer: rasterio shapes"] = lambda: rasterio_polygons(labels)
    return known


def main() -> None:
    """Print the table."""
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    data = Path(os.environ.get("SPAM_DATA", PROJECT.parent / "shared" / "data"))
    files = sorted((data / "BSDS500/data/images/test").glob("*.jpg"))[:limit]
    if not files:
        sys.exit(f"no BSD test image under {data}: set SPAM_DATA")
    milliseconds: dict[str, list[float]] = {}
    memory: dict[str, list[float]] = {}
    made = []
    for path in files:
        image = np.asarray(Image.open(path).convert("RGB"))
        labels = slic(image, COUNT, start_label=0).astype(np.int32)
        made.append(labels.max() + 1)
        for name, call in calls(image, labels).items():
            milliseconds.setdefault(name, []).append(fastest(call))
            memory.setdefault(name, []).append(peak(call) / (4 * image.size))
    print(f"{limit} BSD test images, K = {COUNT}, n = {median(made):g}, one thread")
    print(f"{'':30}{'ms':>10}{'× float image':>16}")
    for name, times in milliseconds.items():
        print(f"{name:30}{median(times):10.1f}{median(memory[name]):16.2f}")


if __name__ == "__main__":
    main()
