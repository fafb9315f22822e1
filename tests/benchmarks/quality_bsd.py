"""Accuracy and regularity on BSDS500, from colour and position alone and without a prior.

python tests/benchmarks/quality_bsd.py --split val --limit 20 --set compactness=5
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.evaluate.evaluate import evaluate
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.registry import find_method
from spam_pipe.stages.scene import Scene

ROOT = Path(os.environ.get("SPAM_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
COLUMNS = ("n", "asa", "gr", "boundary_recall", "boundary_precision", "explained_variation")


def scenes(
    split: str, limit: int | None
) -> Iterator[tuple[NDArray[np.uint8], list[NDArray[np.uint16]]]]:
    """Yield the images of a split with their annotations, evenly spread where limited."""
    folder = ROOT / "BSDS500" / "data"
    paths = sorted((folder / "images" / split).glob("*.jpg"))
    for path in paths[:: max(1, len(paths) // limit)] if limit else paths:
        cells = scipy.io.loadmat(folder / "groundTruth" / split / f"{path.stem}.mat")[
            "groundTruth"
        ][0]
        yield np.asarray(Image.open(path).convert("RGB")), [c["Segmentation"][0, 0] for c in cells]


def measure(
    split: str, limit: int | None, counts: list[int], config: SegmentConfig
) -> NDArray[np.float64]:
    """Return (images, counts, columns) figures."""
    method = find_method(config.method)
    rows = []
    for image, annotations in scenes(split, limit):
        scene = Scene(image, rgb_to_lab(image))
        row = []
        for count in counts:
            labels = method(scene, count, config.resolved).labels
            figures = evaluate(labels, image, annotations)
            row.append([labels.max() + 1, *(figures[name] for name in COLUMNS[1:])])
        rows.append(row)
    return np.array(rows, np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=("train", "val", "test"), default="val")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--counts", default="100,400")
    parser.add_argument("--mode", choices=("refined", "paper"), default="refined")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    config = SegmentConfig(mode=options.mode, **dict(pair.split("=") for pair in options.set))
    counts = [int(count) for count in options.counts.split(",")]
    figures = measure(options.split, options.limit, counts, config)
    print(f"{len(figures)} {options.split} images; mean over annotators, then images")
    print("    K " + " ".join(f"{name:>20}" for name in COLUMNS))
    for count, row in zip(counts, figures.mean(axis=0), strict=True):
        print(f"{count:5} " + " ".join(f"{value:20.4f}" for value in row))


if __name__ == "__main__":
    main()
