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
from spam_pipe.stages.methods.deep_features import first_channels
from spam_pipe.stages.networks.base import Network
from spam_pipe.stages.networks.folding import fold_norms
from spam_pipe.stages.networks.forward import Encoder
from spam_pipe.stages.networks.torch_encoder import TorchEncoder

_SEGMENT = SegmentConfig()

ValidationImage = tuple[NDArray[np.uint8], Sequence[NDArray[Any]]]
"""An image, (H, W, 3) uint8 sRGB, and its region maps, one per annotator."""


@dataclass(frozen=True)
class Figures:
    """Accuracy and regularity for each requested count."""

    # means over annotators, then images
    asa: tuple[float, ...]
    gr: tuple[float, ...]


@dataclass(frozen=True)
class Score:
    """A network's scores on validation images."""

    counts: tuple[int, ...]  # requested numbers of superpixels
    # means over annotators, then images, of the dataset that training is for
    asa: tuple[float, ...]
    gr: tuple[float, ...]
    least_gr: tuple[float, ...]  # GR that counts as regular enough there
    # the same figures of images that other training sets keep out, with what each weighs
    others: tuple[tuple[float, Figures], ...] = ()

    @property
    def shortfall(self) -> float:
        """Sum of what GR lacks to the bounds; 0 when all are met."""
        return sum(max(0.0, least - gr) for gr, least in zip(self.gr, self.least_gr, strict=True))

    @property
    def accuracy(self) -> float:
        """ASA over all sets, each by its weight; what the others leave is the dataset's own."""
        own = 1 - sum(weight for weight, _ in self.others)
        parts = [(own, self.asa), *((weight, each.asa) for weight, each in self.others)]
        return sum(weight * sum(asa) / len(asa) for weight, asa in parts)

    def better_than(self, other: "Score") -> bool:
        """Compare by accuracy among the regular, by the lack of regularity among the others."""
        if self.shortfall or other.shortfall:
            return self.shortfall < other.shortfall
        return self.accuracy > other.accuracy

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Score":
        """Take back what `to_dict` returned."""
        own = {name: tuple(value) for name, value in values.items() if name != "others"}
        others = [
            (float(weight), Figures(tuple(each["asa"]), tuple(each["gr"])))
            for weight, each in values.get("others", ())
        ]
        return cls(**own, others=tuple(others))


def make_validator(
    scenes: Sequence[ValidationImage],
    counts: tuple[int, ...],
    least_gr: tuple[float, ...],
    config: SegmentConfig = _SEGMENT,
    others: Sequence[tuple[float, Sequence[ValidationImage]]] = (),
) -> Callable[[Network], Score]:
    """Return a function that scores a network, without a prior, at each requested count.

    Parameters
    ----------
    scenes
        Of the dataset that training is for.
    counts, least_gr
        Requested counts and the GR wanted at each.
    config
        How to segment.
    others
        Scenes of other sets, and what each set weighs.
    """

    def validate(network: Network) -> Score:
        encoder = TorchEncoder(fold_norms(network).cpu(), torch.device("cpu"))

        def figures(scenes: Sequence[ValidationImage]) -> Figures:
            measured = np.array([_measure(encoder, scene, counts, config) for scene in scenes])
            asa, gr = measured.mean(axis=0).T
            return Figures(tuple(asa.tolist()), tuple(gr.tolist()))

        own = figures(scenes)
        further = tuple((weight, figures(held_out)) for weight, held_out in others)
        return Score(counts, own.asa, own.gr, least_gr, further)

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
        deep = first_channels(computed.deep, config.channels)
        labels = spam(lab, count, deep=deep, contour=computed.contour, config=config)
        figures = evaluate(labels, None, annotations)
        results.append((float(figures["asa"] or 0), float(figures["gr"] or 0)))
    return results
