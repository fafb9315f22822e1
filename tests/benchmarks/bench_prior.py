"""Milliseconds of each step of a prior on pictures of BSD size, beside higra's and scikit-image's.

    python tests/benchmarks/bench_prior.py [IMAGES]

The masks are a stand-in for a proposer's: 150 overlapping boxes. Each figure is the median over
images of the fastest of five runs, in time of the thread.
"""

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import higra
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut, chelsea, coffee
from skimage.morphology import opening
from skimage.transform import resize

from spam_pipe.stages.prior.aggregate import aggregate, opened_pixels, painting_order
from spam_pipe.stages.prior.cut import cut_objects
from spam_pipe.stages.propose.gradient import gradient_strength
from spam_pipe.stages.propose.hierarchy import LEVELS, volume_hierarchy
from spam_pipe.stages.propose.run_lengths import RunLengths
from spam_pipe.stages.regions.merge_tree import mean_boundary_tree

SHAPE = (321, 481)


def fastest(call: Callable[[], Any]) -> float:
    """Return the milliseconds that the thread computed in the fastest of several calls."""
    call()
    times = []
    for _ in range(5):
        begin = time.thread_time()
        call()
        times.append(time.thread_time() - begin)
    return 1000 * min(times)


def higra_hierarchy(strength: NDArray[np.float32]) -> None:
    """Compute what `volume_hierarchy` computes, without limiting the regions."""
    graph = higra.get_4_adjacency_graph(strength.shape)
    source, target = graph.edge_list()
    levels = np.rint(LEVELS * strength).ravel().astype(np.float64)
    higra.watershed_hierarchy_by_volume(graph, levels[source] + levels[target])


def open_each(regions: NDArray[np.int32]) -> None:
    """Open region by region, as the text says it."""
    square = np.ones((5, 5), np.uint8)
    for region in np.unique(regions):
        opening(regions == region, square)


def boxes(seed: int) -> RunLengths:
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, (SHAPE[0] - 20, SHAPE[1] - 20), (150, 2))
    extent = rng.integers(10, 160, (150, 2))
    stack = np.zeros((150, *SHAPE), bool)
    for mask, (top, left), (height, width) in zip(stack, corner, extent, strict=True):
        mask[top : top + height, left : left + width] = True
    return RunLengths.from_masks(stack)


def steps(image: NDArray[np.uint8], masks: RunLengths) -> dict[str, tuple[float, float | None]]:
    """Return the time of each step and of its peer, where it has one."""
    strength = gradient_strength(image)
    tree = volume_hierarchy(strength)
    objects = aggregate(masks)
    regions = masks.paint(painting_order(masks))
    cut = (tree.regions, tree.parents, tree.altitudes, strength, 400, 0.5, 0.4)
    return {
        "gradient": (fastest(lambda: gradient_strength(image)), None),
        "hierarchy (peer: higra)": (
            fastest(lambda: volume_hierarchy(strength)),
            fastest(lambda: higra_hierarchy(strength)),
        ),
        "cut at K = 400": (fastest(lambda: cut_objects(*cut)), None),
        "opening (peer: skimage, mask by mask)": (
            fastest(lambda: opened_pixels(regions, 5)),
            fastest(lambda: open_each(regions)),
        ),
        "aggregation of 150 masks": (fastest(lambda: aggregate(masks)), None),
        "merge tree of the objects": (
            fastest(lambda: mean_boundary_tree(objects, strength)),
            None,
        ),
    }


def main(n_images: int) -> None:
    """Print the table."""
    pictures = [astronaut, chelsea, coffee][:n_images]
    images = [(255 * resize(load(), SHAPE)).astype(np.uint8) for load in pictures]
    tables = [steps(image, boxes(seed)) for seed, image in enumerate(images)]
    print(f"{'step, 321 × 481 pixels':40s}{'ours, ms':>10s}{'peer, ms':>10s}")
    for step in tables[0]:
        ours = median(table[step][0] for table in tables)
        peers = [peer for table in tables if (peer := table[step][1]) is not None]
        print(f"{step:40s}{ours:10.1f}" + (f"{median(peers):10.1f}" if peers else ""))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
