"""The differences between two engines that compute the same weights."""

from typing import NamedTuple

import numpy as np

from spam_pipe.stages.networks.forward import Encoder

_SIZES = ((1, 1), (33, 20), (97, 150))
"""Of the images of noise that engines are compared on."""


class Deviation(NamedTuple):
    """The largest differences between two engines."""

    features: float  # in the features' own units: pixels that differ by ten are far apart
    contour: float  # in probability; 0 without a contour head


_ROUNDING = Deviation(features=1e-2, contour=1e-3)
"""The most that counts as rounding: a hundred times the shipped networks' differences."""


def require_agreement(one: Encoder, other: Encoder, name: str) -> Deviation:
    """Compute images of several sizes with both.

    Parameters
    ----------
    one, other
        The same weights in two engines.
    name
        What an error calls the weights.

    Raises
    ------
    ValueError
        When they differ by more than rounding.
    """
    features = contour = 0.0
    for number, shape in enumerate(_SIZES):
        noise = np.random.default_rng(number).normal(0, 20, (*shape, 5)).astype(np.float32)
        first, second = (each.forward(noise[..., :3], noise) for each in (one, other))
        if first.deep.shape != second.deep.shape or (first.contour is None) != (
            second.contour is None
        ):
            raise ValueError(f"{name}: its ONNX graph is that of another network")
        features = max(features, float(np.abs(first.deep - second.deep).max()))
        if first.contour is not None and second.contour is not None:
            contour = max(contour, float(np.abs(first.contour - second.contour).max()))
    if not (features <= _ROUNDING.features and contour <= _ROUNDING.contour):
        raise ValueError(
            f"{name}: ONNX Runtime differs from torch by {features:.2g} in features and "
            f"{contour:.2g} in contours, which is more than rounding: use engine=torch"
        )
    return Deviation(features, contour)
