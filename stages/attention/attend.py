"""The attention of one image: asked for each number of superpixels, worked out once."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.attention.config import AttentionConfig
from spam_pipe.stages.attention.density import Density, Objects, user_density, visual_density
from spam_pipe.stages.attention.factors import factor_map
from spam_pipe.stages.attention.saliency import find_saliency, threshold_of
from spam_pipe.stages.attention.user_factors import UserFactors

Attention: TypeAlias = Callable[[Objects, int], tuple[Density | None, str]]
"""From the (H, W) objects for a number of superpixels, and that number, to the (n,) density of
each object (None for an even one) and a note (or "")."""

_EVEN = "attention: no object stands out, superpixels are spread evenly"


def visual_attention(
    image: NDArray[np.uint8],
    lab: NDArray[np.float32],
    config: AttentionConfig,
    checkpoint: Path | None,
    device: str,
) -> Attention:
    """Return an attention to salient objects (see `stages.attention.saliency.find_saliency`)."""
    saliency = find_saliency(image, lab, config, checkpoint, device)

    def attend(objects: Objects, count: int) -> tuple[Density | None, str]:
        density = visual_density(saliency, objects, config.ratio, threshold_of(config))
        return density, _EVEN if density is None else ""

    return attend


def user_attention(
    wanted: UserFactors, finest: Objects, objects_for: Callable[[int], Objects]
) -> Attention:
    """Return an attention by the user's factors (`stages.attention.factors.factor_map`).

    Parameters
    ----------
    wanted
        The factors.
    finest
        (H, W) the prior's objects before any cut and without drawn ones, 0 = uncertain.
    objects_for
        The (H, W) objects for a number of superpixels, without drawn ones.
    """

    def attend(objects: Objects, count: int) -> tuple[Density | None, str]:
        factors, note = factor_map(wanted, finest, objects_for, count)
        # A merged object's factor is its parts' mean by area.
        known = np.logical_or.reduce([finest > 0, *(drawn.mask for drawn in wanted.drawn)])
        certain = np.where(known, objects, 0)
        return user_density(factors, certain), note

    return attend
