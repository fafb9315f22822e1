"""Superpixels of scikit-image, each brought to the wanted number by its knob."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spam_pipe.stages.methods.baselines.search import Knob, search_count
from spam_pipe.stages.scene import Scene, Segmentation

if TYPE_CHECKING:
    from spam_pipe.stages.methods.config import SegmentConfig


def slic(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Cluster locally in colour and position (Achanta et al., 2012); knob ``n_segments``."""
    from skimage.segmentation import slic as skimage_slic

    return search_count(
        lambda n_segments: skimage_slic(
            scene.image,
            n_segments=int(n_segments),
            compactness=config.slic.compactness,
            start_label=0 if scene.valid is None else 1,
            mask=scene.valid,
        ),
        Knob("n_segments", n_superpixels, 1, scene.n_pixels, power=1, whole=True),
        n_superpixels,
        scene.valid,
    )


def felzenszwalb(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Merge greedily on the graph of pixels (Felzenszwalb, Huttenlocher, 2004); knob ``scale``."""
    from skimage.segmentation import felzenszwalb as skimage_felzenszwalb

    options = config.felzenszwalb
    start = max(1.0, 0.5 * scene.n_pixels / n_superpixels)  # seen on photographs
    return search_count(
        lambda scale: skimage_felzenszwalb(
            scene.image, scale=scale, sigma=options.sigma, min_size=options.min_size
        ),
        Knob("scale", start, 1e-3, 1e7, power=-1),
        n_superpixels,
        scene.valid,
    )


def watershed(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Flood the Sobel gradient of the grey image from a grid of markers; knob ``markers``."""
    from skimage.color import rgb2gray
    from skimage.filters import sobel
    from skimage.segmentation import watershed as skimage_watershed

    gradient = sobel(rgb2gray(scene.image))
    return search_count(
        lambda markers: skimage_watershed(
            gradient, markers=int(markers), compactness=config.watershed.compactness
        ),
        Knob("markers", n_superpixels, 1, scene.n_pixels, power=1, whole=True),
        n_superpixels,
        scene.valid,
    )


def quickshift(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Shift to the nearest denser pixel (Vedaldi and Soatto, 2008); knob ``max_dist``.

    scikit-image looks no farther than three times the kernel's size, which bounds the number
    from below. Its superpixels need not be connected.
    """
    from skimage.segmentation import quickshift as skimage_quickshift

    options = config.quickshift
    start = 0.5 * float(np.sqrt(scene.n_pixels / n_superpixels))  # seen on photographs
    return search_count(
        lambda max_dist: skimage_quickshift(
            scene.image, ratio=options.ratio, kernel_size=options.kernel_size, max_dist=max_dist
        ),
        Knob("max_dist", max(1.0, start), 0.1, 1e4, power=-1),
        n_superpixels,
        scene.valid,
    )
