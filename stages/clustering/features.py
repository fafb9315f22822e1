"""The clustering's features: colour, position and, with an encoder, deep features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.sharing import share_out

if TYPE_CHECKING:
    from spam_pipe.stages.clustering.task import Map

Features = NDArray[np.float32]


def position_scale(
    shape: tuple[int, int], n_superpixels: int, compactness: float, coverage: float = 1.0
) -> float:
    """Return the factor that turns pixels into position features (METHOD.md, section 1).

    ``compactness * max(floor(sqrt(K)) / H, floor(sqrt(K)) / W)``, as in SSN (Jampani et al., 2018),
    for an image shrunk to the area of its pixels that count.
    """
    return compactness * int(np.sqrt(n_superpixels)) / (min(shape) * float(np.sqrt(coverage)))


def scaled_features(
    lab: NDArray[np.float32],
    n_superpixels: int,
    *,
    deep: NDArray[np.float32] | None = None,
    color_weight: float = 0.26,
    compactness: float = 7.5,
    coverage: float = 1.0,
) -> Features:
    """Gather what the clustering compares, each part brought to its scale.

    Parameters
    ----------
    lab
        (H, W, 3) float32 CIELab, L in 0..100.
    n_superpixels
        The requested number: positions are scaled with it.
    deep
        (H, W, C) float32 features of an encoder, taken as they are.
    color_weight, compactness
        Factors of the colours and of the positions.
    coverage
        Share of the pixels that count: superpixels are so much smaller.

    Returns
    -------
    (H * W, C + 5) float32, row-major pixels; deep features, L, a, b, row, column.
    """
    height, width, _ = lab.shape
    encoded = np.empty((height, width, 0), np.float32) if deep is None else deep
    if encoded.shape[:2] != lab.shape[:2]:
        raise ValueError(
            f"deep features are {encoded.shape[:2]} where the image is {lab.shape[:2]}: "
            "bring them to the image's size"
        )
    features = np.empty((height * width, encoded.shape[2] + 5), np.float32)
    weight = np.float32(color_weight)
    scale = np.float32(position_scale((height, width), n_superpixels, compactness, coverage))
    colors, encoded = np.ascontiguousarray(lab), np.ascontiguousarray(encoded)
    share_out(
        height,
        lambda first, last: _gather(first, last, colors, encoded, weight, scale, features),
    )
    return features


def beside(deep: Map | None, bands: NDArray[np.float32] | None, color_weight: float) -> Map | None:
    """Join components of further bands, (H, W, C) in units of L, to deep features, where any."""
    if bands is None or not bands.shape[2]:
        return deep
    own = bands * np.float32(color_weight)
    if deep is None:
        return own
    if isinstance(deep, np.ndarray):
        return np.concatenate([deep, own], axis=2)
    import torch

    return torch.cat([deep, torch.as_tensor(own, device=deep.device)], dim=2)


@kernel("int64, int64, float32[:, :, ::1], float32[:, :, ::1], float32, float32, float32[:, ::1]")
def _gather(
    first: int,
    last: int,
    lab: NDArray[np.float32],
    encoded: NDArray[np.float32],
    color_weight: np.float32,
    scale: np.float32,
    features: Features,
) -> None:
    _, width, n_encoded = encoded.shape
    for row in range(first, last):
        for column in range(width):
            pixel = row * width + column
            for channel in range(n_encoded):
                features[pixel, channel] = encoded[row, column, channel]
            for channel in range(3):
                features[pixel, n_encoded + channel] = color_weight * lab[row, column, channel]
            features[pixel, n_encoded + 3] = scale * np.float32(row)
            features[pixel, n_encoded + 4] = scale * np.float32(column)
