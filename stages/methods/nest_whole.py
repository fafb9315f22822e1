"""A hierarchy of an image that is segmented as a whole, and what its superpixels look like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.attention.attend import Attention
from spam_pipe.stages.clustering.balance import resolve_balance
from spam_pipe.stages.clustering.features import beside, scaled_features
from spam_pipe.stages.clustering.soft_clustering import label_means
from spam_pipe.stages.hierarchy.nest import Nested, nest
from spam_pipe.stages.hierarchy.objects import Prior
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.deep_features import with_deep_features
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.scene import Scene


def nest_whole(
    scene: Scene,
    n_finest: int,
    digest: str,
    config: SegmentConfig,
    *,
    prior: Prior | None = None,
    attention: Attention | None = None,
) -> tuple[Nested, Scene]:
    """Return an image's hierarchy, and the scene with its deep features.

    Parameters
    ----------
    scene
        The image; its gaps are filled.
    n_finest, prior, attention
        As for `stages.hierarchy.nest.nest`.
    digest
        Of the image.
    config
        The stage's options.
    """
    seen = with_deep_features(scene, n_finest, digest, config, scene.device)
    made = nest(
        seen.lab,
        n_finest,
        deep=seen.deep,
        bands=seen.bands,
        prior=prior,
        attention=attention,
        contour=seen.contour,
        valid=seen.valid,
        config=config,
        cut=config,
        device=scene.device,
    )
    return made, seen


def region_means(scene: Scene, labels: Labels, config: SegmentConfig) -> NDArray[np.float64]:
    """Return the (n, D) mean features of superpixels, as the clustering scales them.

    Parameters
    ----------
    scene
        The image with its deep features.
    labels
        (H, W) int32 0..n-1; -1 outside.
    config
        The stage's options.
    """
    balance = resolve_balance(config, has_deep=scene.deep is not None)
    weights = np.array([1, balance.chroma_weight, balance.chroma_weight], np.float32)
    seen = beside(scene.deep, scene.bands, balance.color_weight)
    features = scaled_features(
        scene.lab * weights,
        1,
        deep=None if seen is None else np.asarray(seen),
        color_weight=balance.color_weight,
    )
    return label_means(features, labels.ravel(), int(labels.max()) + 1)[:, :-2]
