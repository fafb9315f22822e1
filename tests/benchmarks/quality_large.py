"""What it costs in accuracy to segment by blocks, and in a smaller image first.

    python tests/benchmarks/quality_large.py [IMAGES]

BSD validation images at their own size with the contour prior: as a whole; in windows far smaller
than usual, which cuts them into more blocks than a large image per superpixel ever is; and with few
superpixels, which makes them in an image of half and a quarter of the size. Agreement is the
ASA with the whole image's superpixels in place of a ground truth; the row of one superpixel more
says what it is between two segmentations as good as one another.
"""

import os
import sys
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.stages.base import Inputs, Output
from spam_pipe.stages.deferred import WINDOW_PIXELS, recipe
from spam_pipe.stages.evaluate.evaluate import evaluate
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.prior.stage import PriorStage
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.stage import ProposeStage
from spam_pipe.stages.segment.large import segment_large as large
from spam_pipe.stages.segment.stage import SegmentStage

ROOT = Path(os.environ.get("SPAM_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
MORE = "one more"
CASES: dict[int, dict[str, int | None]] = {
    400: {"whole": None, MORE: None, "windows of 80,000": 80_000, "windows of 40,000": 40_000},
    24: {"whole": None, "halved first": 150_000},
    6: {"whole": None, "quartered first": 150_000},
}
"""Pixels of a window by count and name; None for the image as a whole."""

COLUMNS = ("asa", "gr", "boundary_recall", "boundary_precision")


def prior_of(image: NDArray[np.uint8], digest: str) -> Output:
    """Return the prior of a whole image."""
    propose, config = ProposeStage(), ProposeConfig()
    inputs = Inputs(image=image, image_digest=digest)
    (proposed,) = propose.run(inputs, config, propose.setup(config, "cpu"), (None,))
    inputs = Inputs(image=image, upstream={"propose": {None: proposed}})
    return next(PriorStage().run(inputs, PriorConfig(), None, (None,)))


def main(n_images: int) -> None:
    """Print the table."""
    folder = ROOT / "BSDS500" / "data"
    paths = sorted((folder / "images" / "val").glob("*.jpg"))
    paths = paths[:: max(1, len(paths) // n_images)][:n_images]
    deferred = Output(attributes=recipe("prior", PriorConfig(), recipe("propose", ProposeConfig())))
    rows: dict[tuple[int, str], list[list[float]]] = {}
    for path in paths:
        image = np.asarray(Image.open(path).convert("RGB"))
        cells = scipy.io.loadmat(folder / "groundTruth" / "val" / f"{path.stem}.mat")
        truth = [cell["Segmentation"][0, 0] for cell in cells["groundTruth"][0]]
        whole = prior_of(image, path.stem)
        for count, cases in CASES.items():
            labels: dict[str, NDArray[np.integer]] = {}
            for name, window in cases.items():
                stage = SegmentStage()
                large.WINDOW_PIXELS = window or WINDOW_PIXELS
                config = SegmentConfig(**({} if window is None else {"block_pixels": 10_000}))
                prior = whole if window is None else deferred
                inputs = Inputs(
                    image=image, image_digest=path.stem, upstream={"prior": {None: prior}}
                )
                wanted = count + (name == MORE)
                (output,) = stage.run(inputs, config, stage.setup(config, "cpu"), [wanted])
                labels[name] = output.arrays["labels"]
                figures = evaluate(labels[name], image, truth)
                like = evaluate(labels[name], None, [labels["whole"]])["asa"]
                rows.setdefault((count, name), []).append(
                    [int(labels[name].max()) + 1, *(figures[key] for key in COLUMNS), like]
                )
    print(f"{len(paths)} images; mean over annotators, then images")
    names = ("n", *COLUMNS, "agreement")
    print(f"{'K':>6s}  {'':20s}" + "".join(f"{name:>20s}" for name in names))
    for (count, name), found in rows.items():
        means = np.array(found).mean(axis=0)
        print(f"{count:6d}  {name:20s}" + "".join(f"{value:20.4f}" for value in means))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
