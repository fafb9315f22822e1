"""Saliency without weights against known foregrounds, beside a Gaussian at the centre.

Foregrounds: on BSD val, what most annotators drew as regions that hardly touch the frame; on dead
leaves, one whole leaf laid over a scene of half the contrast. AUC is of pixels; F, precision and
recall are of the objects that the contour prior has at K = 100 and 400, foreground where their
mean exceeds the threshold.

python tests/benchmarks/quality_saliency.py --limit 50
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import rankdata

from spam_pipe.pipeline.datasets.drawn.dead_leaves import draw_scene
from spam_pipe.stages.attention.background import background_saliency
from spam_pipe.stages.attention.density import object_means
from spam_pipe.stages.attention.saliency import THRESHOLDS
from spam_pipe.stages.base import Inputs
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.prior.cut import contour_of, objects_for
from spam_pipe.stages.prior.stage import PriorStage
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.stage import ProposeStage

ROOT = Path(os.environ.get("SPAM_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

Scene = tuple[NDArray[np.uint8], NDArray[np.bool_]]


def on_frame(regions: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the share of the frame that each region takes."""
    frame = np.concatenate([regions[0], regions[-1], regions[1:-1, 0], regions[1:-1, -1]])
    return np.bincount(frame, minlength=int(regions.max()) + 1) / frame.size


def central_regions(regions: NDArray[np.integer]) -> NDArray[np.bool_]:
    areas = np.bincount(regions.ravel()) / regions.size
    chosen: NDArray[np.bool_] = ((on_frame(regions) < 0.01) & (areas > 0.005))[regions]
    return chosen


def bsd(limit: int) -> Iterator[Scene]:
    folder = ROOT / "BSDS500" / "data"
    paths = sorted((folder / "images" / "val").glob("*.jpg"))
    for path in paths[:: max(1, len(paths) // limit)]:
        cells = scipy.io.loadmat(folder / "groundTruth" / "val" / f"{path.stem}.mat")[
            "groundTruth"
        ][0]
        drawn = [central_regions(cell["Segmentation"][0, 0].astype(np.int64)) for cell in cells]
        foreground = np.mean(drawn, axis=0) > 0.5
        if 0.03 < foreground.mean() < 0.6:
            yield np.asarray(Image.open(path).convert("RGB")), foreground


def leaves(limit: int) -> Iterator[Scene]:
    for seed in range(1, limit + 1):
        image, _ = draw_scene(seed)
        other, regions = draw_scene(seed + 400)
        areas = np.where(on_frame(regions) == 0, np.bincount(regions.ravel()), 0)
        leaf = regions == areas.argmax()
        muted = 0.45 * image + 0.55 * image.mean(axis=(0, 1))
        yield np.where(leaf[..., None], other, muted).astype(np.uint8), leaf


def center(shape: tuple[int, ...]) -> NDArray[np.float32]:
    rows, columns = np.indices(shape)
    distance = np.hypot(rows / shape[0] - 0.5, columns / shape[1] - 0.5)
    return np.exp(-(distance**2) / (2 * 0.2**2)).astype(np.float32)


def area_under_curve(saliency: NDArray[np.float32], foreground: NDArray[np.bool_]) -> float:
    ranks = rankdata(saliency).reshape(saliency.shape)
    n, m = foreground.sum(), (~foreground).sum()
    return float((ranks[foreground].sum() - n * (n + 1) / 2) / (n * m))


def figures(
    saliency: NDArray[np.float32], threshold: float, scene: Scene, prior: list[NDArray[np.integer]]
) -> list[float]:
    """Return AUC, F, precision and recall; the last three are means over the priors."""
    _, foreground = scene
    rows = []
    for objects in prior:
        salient = np.concatenate([[False], object_means(saliency, objects) > threshold])[objects]
        true = (salient & foreground).sum()
        precision = true / max(salient.sum(), 1)
        recall = true / (foreground & (objects > 0)).sum()
        rows.append([2 * true / max(salient.sum() + foreground.sum(), 1), precision, recall])
    return [area_under_curve(saliency, foreground), *np.mean(rows, axis=0).tolist()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=50)
    limit = parser.parse_args().limit
    propose, source = ProposeStage(), ProposeConfig()
    resources = propose.setup(source, "cpu")
    print(f"{'':24}{'images':>8}{'AUC':>8}{'F':>8}{'prec.':>8}{'recall':>8}")
    for name, scenes in (("BSD val", bsd(limit)), ("dead leaves", leaves(limit))):
        found, central = [], []
        for scene in scenes:
            image, foreground = scene
            (made,) = propose.run(Inputs(image=image), source, resources, [None])
            inputs = Inputs(image=image, upstream={"propose": {None: made}})
            (prior,) = PriorStage().run(inputs, PriorConfig(), None, [None])
            cuts = [
                objects_for(prior.arrays, contour_of(prior.arrays), count, SegmentConfig())
                for count in (100, 400)
            ]
            objects = [cut for cut in cuts if cut is not None]
            saliency = background_saliency(rgb_to_lab(image))
            found.append(figures(saliency, THRESHOLDS["background"], scene, objects))
            central.append(figures(center(foreground.shape), 0.35, scene, objects))
        for label, rows in ((f"{name}, background", found), (f"{name}, centre", central)):
            numbers = "".join(f"{value:8.3f}" for value in np.mean(rows, axis=0))
            print(f"{label:24}{len(rows):8}{numbers}")


if __name__ == "__main__":
    main()
