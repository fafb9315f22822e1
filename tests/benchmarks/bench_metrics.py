"""Milliseconds per metric on BSD images, one thread, beside plain numpy and scikit-image.

    python tests/benchmarks/bench_metrics.py [IMAGES]

Label maps are scikit-image's SLIC; reading files is not timed. Each figure is the median over
images of the fastest of nine runs, in time of the thread, so that what else runs counts little.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import loadmat
from skimage.metrics import contingency_table, variation_of_information
from skimage.segmentation import find_boundaries, slic

from spam_pipe.stages.base import Inputs, Output
from spam_pipe.stages.evaluate.boundary import boundary_map, boundary_recall_precision, dilated
from spam_pipe.stages.evaluate.compactness import compactness
from spam_pipe.stages.evaluate.config import EvaluateConfig
from spam_pipe.stages.evaluate.evaluate import measure
from spam_pipe.stages.evaluate.explained_variation import explained_variation
from spam_pipe.stages.evaluate.overlap import overlap
from spam_pipe.stages.evaluate.reference import Reference, prepare
from spam_pipe.stages.evaluate.regions import components_of, regions_of
from spam_pipe.stages.evaluate.shape_regularity import shape_regularity
from spam_pipe.stages.evaluate.smooth_matching import smooth_matching
from spam_pipe.stages.evaluate.stage import EvaluateStage

PROJECT = Path(__file__).resolve().parents[2]
Labels = NDArray[np.integer]
COUNTS = (100, 400)


def fastest(call: Callable[[], Any], runs: int = 9) -> float:
    """Return the milliseconds that the thread computed in the fastest of several calls."""
    call()
    times = []
    for _ in range(runs):
        begin = time.thread_time()
        call()
        times.append(time.thread_time() - begin)
    return 1000 * min(times)


def boundary_figures(labels: Labels, reference: Reference) -> None:
    """Boundary recall and precision for every annotator."""
    boundary = boundary_map(labels)
    near = dilated(boundary, reference.radius)
    for truth in reference.annotations:
        boundary_recall_precision(boundary, near, truth.boundary, truth.dilated)


def numpy_explained_variation(labels: Labels, image: NDArray[np.uint8]) -> None:
    """Explained variation by weighted bincounts."""
    flat = labels.ravel()
    areas = np.bincount(flat)
    for channel in range(3):
        colors = image[..., channel].ravel().astype(np.float64)
        (np.bincount(flat, colors) ** 2 / np.maximum(areas, 1)).sum()


def timings(
    labels: Labels, image: NDArray[np.uint8], annotations: list[NDArray[np.uint32]], count: int
) -> dict[str, float]:
    """Time each metric, the whole, and the peers on one label map."""
    shape = (labels.shape[0], labels.shape[1])
    reference = prepare(shape, image, annotations)
    regions = regions_of(labels)
    components = components_of(regions)
    upstream = {"segment": {count: Output(arrays={"labels": labels})}}
    inputs = Inputs(image=image, annotations=tuple(annotations), upstream=upstream)
    stage, config = EvaluateStage(), EvaluateConfig()
    truths = reference.annotations
    calls: dict[str, Callable[[], Any]] = {
        "image and ground truth, once": lambda: prepare(shape, image, annotations),
        "runs of the label map": lambda: regions_of(labels),
        "asa, ue, ue_np": lambda: [overlap(regions, t.regions, t.n_regions) for t in truths],
        "boundary recall, precision": lambda: boundary_figures(labels, reference),
        "explained variation": lambda: explained_variation(regions, image, reference.variation),
        "compactness": lambda: compactness(regions),
        "8-connected components": lambda: components_of(regions),
        "shape regularity": lambda: shape_regularity(components),
        "smooth matching": lambda: smooth_matching(components),
        "ALL, one K more": lambda: measure(labels, regions_of(labels), reference),
        "ALL, one image and K": lambda: list(stage.run(inputs, config, None, [count])),
        "peer: contingency_table": lambda: [contingency_table(a, labels) for a in annotations],
        "peer: variation_of_information": lambda: [
            variation_of_information(a, labels) for a in annotations
        ],
        "peer: find_boundaries": lambda: [find_boundaries(a) for a in (labels, *annotations)],
        "peer: numpy explained variation": lambda: numpy_explained_variation(labels, image),
    }
    return {name: fastest(call) for name, call in calls.items()}


def main() -> None:
    """Print the table."""
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    data = Path(os.environ.get("SPAM_DATA", PROJECT.parent / "shared" / "data"))
    root = data / "BSDS500" / "data"
    columns: dict[int, list[dict[str, float]]] = {count: [] for count in COUNTS}
    used = 0
    for path in sorted((root / "images" / "test").glob("*.jpg")):
        truth = loadmat(root / "groundTruth" / "test" / f"{path.stem}.mat")["groundTruth"][0]
        if len(truth) != 5:
            continue
        annotations = [cell["Segmentation"][0, 0].astype(np.uint32, order="C") for cell in truth]
        image = np.asarray(Image.open(path).convert("RGB"))
        for count in COUNTS:
            labels = slic(image, count, start_label=0).astype(np.uint16)
            columns[count].append(timings(labels, image, annotations, count))
        used += 1
        if used == limit:
            break
    if not used:
        sys.exit(f"no BSD test image with five annotators under {root}: set SPAM_DATA")
    print(f"ms, one thread, {used} BSD test images with five annotators")
    print(f"{'':34}" + "".join(f"{f'K = {count}':>10}" for count in COUNTS))
    for name in columns[COUNTS[0]][0]:
        figures = (median(row[name] for row in columns[count]) for count in COUNTS)
        print(f"{name:34}" + "".join(f"{figure:10.2f}" for figure in figures))


if __name__ == "__main__":
    main()
