"""Memory, seconds and seams of large images, segmented by blocks.

    python tests/benchmarks/bench_large.py [MEGAPIXELS ...] [--count K] [--window PIXELS] [--nested]

Mosaics of BSD validation pictures at twice their size (of scikit-image's own without
BSDS500), with the contour prior. Without --count superpixels are forty pixels wide. With --nested
they are the finest level of a hierarchy. Each size runs in a process of its own: a peak is never
that of another.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.stages.base import Inputs, Output, Stage
from spam_pipe.stages.deferred import WINDOW_PIXELS, recipe
from spam_pipe.stages.methods.baselines.config import NestedConfig
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.segment.large import nest_large
from spam_pipe.stages.segment.large import segment_large as large
from spam_pipe.stages.segment.large.mosaic import MARGIN
from spam_pipe.stages.segment.large.tiling import cut_into_blocks
from spam_pipe.stages.segment.nested import HierarchyStage
from spam_pipe.stages.segment.stage import SegmentStage

ROOT = Path(os.environ.get("SPAM_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
TILE = (642, 962)
WIDTH = 40


def mosaic(side: int) -> NDArray[np.uint8]:
    """Return a square picture of a side in pixels, the same each time."""
    pictures = [Image.open(path) for path in sorted(ROOT.glob("BSDS500/data/images/val/*.jpg"))]
    if not pictures:
        from skimage.data import astronaut, chelsea, coffee

        pictures = [Image.fromarray(load()) for load in (astronaut, chelsea, coffee)]
    rng = np.random.default_rng(0)
    made = np.empty((side, side, 3), np.uint8)
    for top in range(0, side, TILE[0]):
        for left in range(0, side, TILE[1]):
            picture = pictures[rng.integers(len(pictures))].convert("RGB")
            if picture.width < picture.height:
                picture = picture.transpose(Image.Transpose.ROTATE_90)
            tile = np.asarray(picture.resize(TILE[::-1], Image.Resampling.BICUBIC))
            made[top : top + TILE[0], left : left + TILE[1]] = tile[: side - top, : side - left]
    return made


def seams(labels: NDArray[np.integer], window_pixels: int, count: int) -> tuple[float, float]:
    """Return the share of pixel pairs that a superpixel border parts: across blocks, elsewhere."""
    height, width = labels.shape
    margin = int(np.ceil(MARGIN * np.sqrt(labels.size / count)))
    blocks = cut_into_blocks((height, width), window_pixels, margin)
    across = [0, 0]
    everywhere = [0, 0]
    for axis, length in enumerate((height, width)):
        lines = np.moveaxis(labels, axis, 0)
        ends = sorted({block.core[axis].stop for block in blocks} - {length})
        for end in ends:
            across[0] += int(np.count_nonzero(lines[end] != lines[end - 1]))
            across[1] += lines.shape[1]
        for row in range(1, length):
            everywhere[0] += int(np.count_nonzero(lines[row] != lines[row - 1]))
        everywhere[1] += (length - 1) * lines.shape[1]
    elsewhere = (everywhere[0] - across[0]) / (everywhere[1] - across[1])
    return across[0] / max(across[1], 1), elsewhere


def measure(side: int, count: int, window: int, *, nested: bool) -> None:
    """Segment one mosaic and print a line."""
    image = mosaic(side)
    passed = recipe("prior", PriorConfig(), recipe("propose", ProposeConfig()))
    inputs = Inputs(image=image, upstream={"prior": {None: Output(attributes=passed)}})
    large.WINDOW_PIXELS = nest_large.WINDOW_PIXELS = window
    config = SegmentConfig(block_pixels=10_000, spam_nested=NestedConfig(finest=count))
    stage: Stage = SegmentStage()
    if nested:
        stage, config = HierarchyStage(), config.model_copy(update={"method": "spam-nested"})
    resources = stage.setup(config, "cpu")
    wall, cpu = time.perf_counter(), time.process_time()
    (output,) = stage.run(inputs, config, resources, [None if nested else count])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    facts = output.attributes
    reduction, n_objects = facts["reduction"], facts["n_objects"]
    if nested:
        n_objects = max(kept for _, kept in n_objects)
    line = (
        f"{side**2 / 1e6:10.1f}{count:8d}{facts['n_superpixels']:8d}{n_objects:8d}"
        f"{facts['n_windows']:8d}{reduction:8d}{peak:10.2f}"
        f"{wall * 1e6 / side**2:10.2f}{cpu * 1e6 / side**2:10.2f}"
    )
    if facts["n_windows"] > 1 and reduction == 1:
        across, elsewhere = seams(output.arrays["labels"], window, count)
        line += f"{across:10.4f}{elsewhere:10.4f}"
    print(line, flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("megapixels", nargs="*", type=float, default=[1, 4, 9])
    parser.add_argument("--count", type=int)
    parser.add_argument("--window", type=int, default=WINDOW_PIXELS)
    parser.add_argument("--nested", action="store_true")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.alone:
        headings = ["MP", "K", "n", "objects", "windows", "reduced"]
        print("".join(f"{name:>8s}" for name in headings).rjust(50), end="")
        print("".join(f"{name:>10s}" for name in ["GiB", "s/MP", "CPU s/MP", "across", "else"]))
    for megapixels in options.megapixels:
        side = round(np.sqrt(megapixels * 1e6))
        count = options.count or max(1, side**2 // WIDTH**2)
        if options.alone:
            measure(side, count, options.window, nested=options.nested)
        else:
            more = ["--alone", "--count", str(count), "--window", str(options.window)]
            more += ["--nested"] * options.nested
            subprocess.run([sys.executable, __file__, str(megapixels), *more], check=True)


if __name__ == "__main__":
    main()
