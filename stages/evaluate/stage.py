"""The stage that measures superpixels."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.base import Count, Inputs, Output
from spam_pipe.stages.evaluate.config import EvaluateConfig
from spam_pipe.stages.evaluate.evaluate import delta_k, evaluate, measure
from spam_pipe.stages.evaluate.reference import prepare
from spam_pipe.stages.evaluate.regions import regions_of
from spam_pipe.stages.segment.stored import labels_of, valid_of


class EvaluateStage:
    """Measures the label map of each requested number of superpixels where it has superpixels.

    Its outputs hold no arrays but the attributes ``metrics`` (the figures of METRICS.md by column
    name, None where undefined), ``n_requested``, ``n_superpixels``, ``n_annotators`` and
    ``note``.
    """

    def setup(self, config: EvaluateConfig, device: str) -> None:
        """Compile the kernels that `run` calls, or load them from the cache; no device is used."""
        labels = np.arange(4, dtype=np.uint16).reshape(2, 2)
        image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
        evaluate(labels, image, (labels,), config.boundary_tolerance)

    def run(
        self, inputs: Inputs, config: EvaluateConfig, resources: Any, units: Sequence[Count]
    ) -> Iterator[Output]:
        """Yield the figures of each requested number of superpixels.

        Raises
        ------
        ValueError
            When label map, image and ground truth differ in shape.
        """
        if inputs.image is None:
            raise ValueError("evaluate needs the image")
        height, width = inputs.image.shape[:2]
        reference = None
        for count in units:
            if not isinstance(count, int):
                raise ValueError("evaluate needs the requested number of superpixels")
            segmented = inputs.upstream["segment"][count]
            labels = labels_of(segmented)
            if reference is None:
                reference = prepare(
                    (height, width),
                    inputs.image,
                    inputs.annotations,
                    config.boundary_tolerance,
                    valid_of(segmented),
                )
            regions = regions_of(labels, reference.valid)
            figures, note = measure(labels, regions, reference)
            note = "; ".join(each for each in (note, _doubt(inputs.annotations)) if each)
            n_superpixels = regions.areas.size
            yield Output(
                attributes={
                    "metrics": {"delta_k": delta_k(n_superpixels, count), **figures},
                    "n_requested": count,
                    "n_superpixels": n_superpixels,
                    "n_annotators": len(reference.annotations),
                    "note": note,
                }
            )


def _doubt(annotations: Sequence[NDArray[np.integer[Any]]]) -> str:
    """Say that a ground truth seems to have a void not named by `ignore`: a last value far off."""
    for annotation in annotations:
        most = int(annotation.max())
        if most in _USUAL_VOIDS and not (annotation == most - 1).any():
            return f"{most} counts as a region of the ground truth; --ignore {most} if it is none"
    return ""


_USUAL_VOIDS = (255, 65535)
"""Values that datasets write where there is no label."""
