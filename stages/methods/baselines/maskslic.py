"""SLIC inside the prior's objects, one at a time (maskSLIC: Irving, 2016)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects

from spam_pipe.stages.clustering.seeds import Counts, share_seeds
from spam_pipe.stages.methods.baselines.numbering import number_labels
from spam_pipe.stages.methods.baselines.search import Knob, search_count
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects, compact_objects
from spam_pipe.stages.scene import Scene, Segmentation

if TYPE_CHECKING:
    from spam_pipe.stages.methods.config import SegmentConfig


def maskslic(scene: Scene, n_superpixels: int, config: SegmentConfig) -> Segmentation:
    """Run scikit-image's masked SLIC in each object; the knob is the number shared among them.

    Each object gets of that number in proportion to its area and density, as `share_seeds` says,
    and at least one; it is clustered in its bounding box, alone. Uncertain pixels join the
    superpixel of the nearest certain one. Without a prior the whole image is one object.
    """
    whole = np.ones(scene.image.shape[:2], np.int32)
    objects: Objects = whole if scene.valid is None else whole * scene.valid
    density = None
    if scene.objects is not None and scene.objects.any():
        objects, ids = compact_objects(scene.objects)
        density = None if scene.density is None else scene.density[ids - 1]
    areas = np.bincount(objects.ravel())[1:]
    return search_count(
        lambda n_seeds: _in_each_object(
            scene.image,
            objects,
            share_seeds(areas, int(n_seeds), density),
            config.maskslic.compactness,
        ),
        Knob("n_segments", n_superpixels, 1, scene.n_pixels, power=1, whole=True),
        n_superpixels,
        scene.valid,
    )


def _in_each_object(
    image: NDArray[np.uint8], objects: Objects, counts: Counts, compactness: float
) -> Labels:
    from skimage.segmentation import slic

    labels = np.full(objects.shape, -1, np.int32)
    n = 0
    # A library call costs more than this loop: objects are at most half as many as superpixels.
    for number, (count, box) in enumerate(zip(counts, find_objects(objects), strict=True), 1):
        mask = objects[box] == number
        if count == 1:
            labels[box][mask] = n
            n += 1
            continue
        with warnings.catch_warnings():
            # The seeds of a thin object may fall together; the count's search makes up for it.
            warnings.filterwarnings("ignore", "One of the clusters is empty")
            own = slic(
                image[box], n_segments=int(count), compactness=compactness, mask=mask, start_label=1
            )
        numbered, n_own = number_labels(own[mask])
        labels[box][mask] = n + numbered
        n += n_own
    if (labels < 0).any():
        nearest = distance_transform_edt(labels < 0, return_distances=False, return_indices=True)
        labels = labels[tuple(nearest)]
    return labels
