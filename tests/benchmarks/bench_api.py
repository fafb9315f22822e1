"""`spam_pipe.segment` beside the stages that it calls, on images of BSDS500 (SPAM_DATA).

Both see an image that they have not seen, in turns; the ratio is of the medians of paired runs.
"""

import sys
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from PIL import Image

from spam_pipe import Segmenter
from spam_pipe.pipeline.datasets import open_dataset
from spam_pipe.pipeline.device import resolve_device
from spam_pipe.stages.base import Inputs, Output
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.registry import stage

COUNT = 400
N_IMAGES = 8
REPEATS = 3


def by_stages(image: np.ndarray, digest: str, resources: dict[str, object]) -> np.ndarray:
    """Run the three stages as the pipeline does, without its stores."""
    upstream: dict[str, dict[int | None, Output]] = {}
    configs = {"propose": ProposeConfig(), "prior": PriorConfig(), "segment": SegmentConfig()}
    for name, config in configs.items():
        unit = COUNT if name == "segment" else None
        inputs = Inputs(image=image, image_digest=digest, upstream=upstream)
        made = next(stage(name).run(inputs, config, resources[name], (unit,)))
        upstream = {name: {unit: made}}
    return upstream["segment"][COUNT].arrays["labels"]


def main() -> None:
    """Print medians and their ratio."""
    device = resolve_device("auto")
    configs = {"propose": ProposeConfig(), "prior": PriorConfig(), "segment": SegmentConfig()}
    resources = {name: stage(name).setup(config, device) for name, config in configs.items()}
    segmenter = Segmenter(device=device)
    items = [*open_dataset("bsd").items("test")][:N_IMAGES]
    images = [np.asarray(Image.open(item.image.path).convert("RGB")) for item in items]
    ours, theirs = [], []
    for repeat in range(REPEATS):
        for number, image in enumerate(images):
            # A pixel that differs makes an image that no network has seen.
            image = image.copy()
            image[0, 0] = repeat, number, 1
            runs = {
                "api": lambda image=image: segmenter.segment(image, COUNT),
                "stages": lambda image=image, key=f"{repeat} {number}": by_stages(
                    image, key, resources
                ),
            }
            seconds = {}
            labels = {}
            for name in sorted(runs, reverse=bool((repeat + number) % 2)):
                start = perf_counter()
                labels[name] = runs[name]()
                seconds[name] = perf_counter() - start
            assert np.array_equal(labels["api"], labels["stages"])
            ours.append(seconds["api"])
            theirs.append(seconds["stages"])
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"segment() at K = {COUNT}, {len(ours)} pairs on {device}: {median(ours):.3f} s, "
        f"the stages {median(theirs):.3f} s, median ratio {ratio:.3f}"
    )


if __name__ == "__main__":
    main()
