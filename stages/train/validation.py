"""Scores of a network on validation images: the real segmentation and the real metrics."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spam_pipe.stages.clustering.features import scaled_features
from spam_pipe.stages.clustering.spam import spam
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.evaluate.evaluate import evaluate
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.networks.base import Network
from spam_pipe.stages.networks.folding import fold_norms
from spam_pipe.stages.networks.forward import Encoder

_SEGMENT = SegmentConfig()

ValidationImage = tuple[NDArray[np.uint8], Sequence[NDArray[Any]]]
"""An image, (H, W, 3) uint8 sRGB, and its region maps, one per annotator."""


@dataclass(frozen=True)
class Score:
    """Accuracy and regularity on validation images, for each requested count.

    Attributes
    ----------
    counts
        Requested numbers of superpixels.
    asa, gr
        Means over annotators, then images.
    least_gr
        GR that counts as regular enough.
    """

    counts: tuple[int, ...]
    asa: tuple[float, ...]
    gr: tuple[float, ...]
    least_gr: tuple[float, ...]

    @property
    def shortfall(self) -> float:
        """Sum of what GR lacks to the bounds; 0 when all are met."""
        return sum(max(0.0, least - gr) for gr, least in zip(self.gr, self.least_gr, strict=True))

    def better_than(self, other: "Score") -> bool:
        """Compare by mean ASA among the regular, by the lack of regularity among the others."""
        if self.shortfall or other.shortfall:
            return self.shortfall < other.shortfall
        return sum(self.asa) > sum(other.asa)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Score":
        """Take back what `to_dict` returned."""
        return cls(**{name: tuple(value) for name, value in values.items()})


def make_validator(
    scenes: Sequence[ValidationImage],
    counts: tuple[int, ...],
    least_gr: tuple[float, ...],
    config: SegmentConfig = _SEGMENT,
) -> Callable[[Network], Score]:
    """Return a function that scores a network, without a prior, at each requested count."""

    def validate(network: Network) -> Score:
        encoder = Encoder(fold_norms(network).cpu(), torch.device("cpu"))
        figures = np.array([_measure(encoder, scene, counts, config) for scene in scenes])
        asa, gr = figures.mean(axis=0).T
        return Score(counts, tuple(asa.tolist()), tuple(gr.tolist()), least_gr)

    return validate


def _measure(
    encoder: Encoder, scene: ValidationImage, counts: Sequence[int], config: SegmentConfig
) -> list[tuple[float, float]]:
    """Return ASA and GR at each count."""
    image, annotations = scene
    lab = rgb_to_lab(image)
    results = []
    computed = None
    for count in counts:
        if computed is None or encoder.takes_positions:
            computed = encoder.forward(lab, scaled_features(lab, count).reshape(*lab.shape[:2], -1))
        labels = spam(lab, count, deep=computed.deep, contour=computed.contour, config=config)
        figures = evaluate(labels, None, annotations)
        results.append((float(figures["asa"] or 0), float(figures["gr"] or 0)))
    return results
