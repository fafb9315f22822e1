"""Other authors' superpixels, to compare with."""

import numpy as np
from numpy.typing import NDArray

from stages.segment.nearest import Labels


def slic(image: NDArray[np.uint8], n_superpixels: int) -> Labels:
    """Segment with scikit-image's SLIC (Achanta et al., 2012) at its default compactness.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    n_superpixels
        Roughly how many are wanted; SLIC makes fewer.

    Returns
    -------
    (H, W) int32 labels 0..n-1.
    """
    from skimage.segmentation import slic as skimage_slic

    labels: Labels = skimage_slic(image, n_segments=n_superpixels, start_label=0).astype(np.int32)
    return labels
