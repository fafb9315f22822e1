"""Superpixels of OpenCV's contributed modules, each brought to the wanted number by its knob.

As OpenCV's documentation advises, SLIC and LSC see a Lab image slightly blurred, SEEDS a Lab
image. SLIC's and LSC's small components are merged at OpenCV's default, a quarter of the mean.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.methods.baselines.search import Knob, search_count
from spam_pipe.stages.scene import Scene, Segmentation

if TYPE_CHECKING:
    from spam_pipe.stages.methods.config import SegmentConfig

_N_ITERATIONS = 10
_MINIMUM_SIZE = 25
_SMALLEST_SIDE = 8
"""Below so many pixels a side the contributed modules don't check what they divide by.

Nor do they above: SLIC ends the process at regions of twice the shorter side, LSC at .85 of it,
SEEDS where its grid has no cell (`_has_grid`), MSLIC of some images at any setting.
The first three are kept from it here; `pipeline.running.child` keeps MSLIC's end to one item.
"""


def slic_cv(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Cluster locally in colour and position; knob ``region_size``."""
    return _slic(scene, n_superpixels, "SLIC", config.slic_cv.ruler)


def slico(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """SLIC that adapts the compactness of each superpixel; knob ``region_size``."""
    return _slic(scene, n_superpixels, "SLICO", 10.0)  # which it only starts from


def mslic(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Manifold SLIC (Liu et al., 2016); knob ``region_size``, which its number follows badly."""
    return _slic(scene, n_superpixels, "MSLIC", config.mslic.ruler)


def lsc(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Linear spectral clustering (Li and Chen, 2015); knob ``region_size``."""
    cv2 = _contributed()
    image = _blurred_lab(scene.image)

    def segment(region_size: float) -> NDArray[np.int32]:
        return _labels(cv2.ximgproc.createSuperpixelLSC(image, int(region_size), config.lsc.ratio))

    knob = _region_size(scene, n_superpixels, 2 * min(scene.image.shape[:2]) // 3)
    return search_count(segment, knob, n_superpixels, scene.valid)


def seeds(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Move blocks and pixels between neighbours by their histograms; knob ``num_superpixels``.

    The superpixels start as a grid of blocks that are halved ``levels - 1`` times, so that few
    numbers can be had at all, and fewer at more levels.
    """
    cv2 = _contributed()
    options = config.seeds
    image = cv2.cvtColor(_large_enough(scene.image), cv2.COLOR_RGB2LAB)
    height, width, n_channels = image.shape

    def segment(num_superpixels: float) -> NDArray[np.int32]:
        if not _has_grid(height, width, int(num_superpixels), options.levels):
            raise ValueError(f"SEEDS has no grid of {num_superpixels:g} superpixels here")
        found = cv2.ximgproc.createSuperpixelSEEDS(
            width,
            height,
            n_channels,
            int(num_superpixels),
            options.levels,
            options.prior,
            options.histogram_bins,
            False,
        )
        found.iterate(image, _N_ITERATIONS)
        labels: NDArray[np.int32] = found.getLabels()
        return labels

    away = (
        n for step in range(height * width) for n in (n_superpixels - step, n_superpixels + step)
    )
    start = next((n for n in away if n > 0 and _has_grid(height, width, n, options.levels)), None)
    if start is None:
        raise ValueError(f"SEEDS has no grid on {height}×{width} pixels: choose another method")
    knob = Knob("num_superpixels", start, 1, max(start, scene.n_pixels), power=1, whole=True)
    return search_count(segment, knob, n_superpixels, scene.valid)


def _has_grid(height: int, width: int, n_superpixels: int, levels: int) -> bool:
    """Say whether SEEDS can lay out its superpixels: cells that halve `levels - 1` times.

    OpenCV asks for ten at least, rounds down along each side, gives up levels until a cell of the
    finest has a pixel, rounds cells up to whole pixels, and halves how many fit. With one level
    left its labels are whatever the memory held.
    """
    down = int(np.sqrt(np.float32(max(n_superpixels, 10)) * np.float32(height) / np.float32(width)))
    across = down * width // height
    if min(down, across) < 1:
        return False
    for level in range(max(levels, 2), 1, -1):
        sides = width / across / 2 ** (level - 1), height / down / 2 ** (level - 1)
        if min(sides) >= 1:
            cells = width // ceil(sides[0]), height // ceil(sides[1])
            return bool(min(cells) >= 2 ** (level - 1))
    return False


def _slic(scene: Scene, n_superpixels: int, algorithm: str, ruler: float) -> Segmentation:
    cv2 = _contributed()
    image = _blurred_lab(scene.image)

    def segment(region_size: float) -> NDArray[np.int32]:
        kind = getattr(cv2.ximgproc, algorithm)
        return _labels(cv2.ximgproc.createSuperpixelSLIC(image, kind, int(region_size), ruler))

    knob = _region_size(scene, n_superpixels, min(scene.image.shape[:2]))
    return search_count(segment, knob, n_superpixels, scene.valid)


def _labels(clustering: Any) -> NDArray[np.int32]:
    clustering.iterate(_N_ITERATIONS)
    clustering.enforceLabelConnectivity(_MINIMUM_SIZE)
    labels: NDArray[np.int32] = clustering.getLabels()
    return labels


def _region_size(scene: Scene, n_superpixels: int, largest: int) -> Knob:
    start = float(np.sqrt(scene.n_pixels / n_superpixels))
    return Knob("region_size", round(start), 2, largest, power=-2, whole=True)


def _blurred_lab(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    cv2 = _contributed()
    lab: NDArray[np.uint8] = cv2.cvtColor(
        cv2.GaussianBlur(_large_enough(image), (3, 3), 0), cv2.COLOR_RGB2LAB
    )
    return lab


def _large_enough(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if min(image.shape[:2]) < _SMALLEST_SIDE:
        raise ValueError(
            f"OpenCV's methods need {_SMALLEST_SIDE} pixels a side, "
            f"this image is {image.shape[0]}×{image.shape[1]}"
        )
    return image


def _contributed() -> Any:
    """Return OpenCV; only its contributed builds hold the superpixels."""
    import cv2

    if not hasattr(cv2, "ximgproc"):
        raise ValueError(
            "this OpenCV is one without superpixels: pip uninstall it, then "
            "pip install 'spam-pipe[opencv]'"
        )
    # LSC's labels depend on which thread comes first.
    cv2.setNumThreads(1)
    return cv2
