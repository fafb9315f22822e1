"""From which size on an image is segmented by blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stages.base import Inputs
    from stages.propose.config import ProposeConfig
    from stages.segment.config import SegmentConfig

BLOCK_PIXELS = 4_000_000
"""An image of more pixels is segmented by blocks."""

WINDOW_PIXELS = 4_000_000
"""Pixels that are seen at a time: they take 1.7 GB. Labels depend on where windows lie, so their
size is the same for everybody, whatever an image's file, memory or options are like."""

BY_BLOCKS = "by_blocks"
"""Attribute under which an output without arrays holds the options of its making, by stage."""


def is_deferred(n_pixels: int, config: ProposeConfig) -> bool:
    """Say whether an image's proposals are to be made window by window, when it is segmented.

    A map of contours with its hierarchy takes seventy bytes a pixel.

    Raises
    ------
    ValueError
        When the image is too large for them, and windows can't make them either.
    """
    if n_pixels <= BLOCK_PIXELS or not {"contour", "gradient"} & {*config.sources}:
        return False
    if len(config.sources) > 1:
        raise ValueError(
            f"{config.source} divides whole masks by contours, which is too much for "
            f"{n_pixels:,} pixels (at most {BLOCK_PIXELS:,}): use --prior {config.sources[0]} or "
            "contour"
        )
    return True


def is_large(inputs: Inputs, config: SegmentConfig) -> bool:
    """Say whether an image is segmented by blocks.

    Raises
    ------
    ValueError
        When it is too large for what is asked for.
    """
    if inputs.image is None:
        return False
    n_pixels = inputs.image.shape[0] * inputs.image.shape[1]
    prior = inputs.upstream.get("prior")
    deferred = prior is not None and BY_BLOCKS in prior[None].attributes
    if config.method != "spam":
        if deferred:
            raise ValueError(
                f"{config.method} needs the objects of the whole image, and {n_pixels:,} pixels "
                "are too many for these: use --method spam, --prior masks or none"
            )
        return False
    large = deferred or n_pixels > config.block_pixels
    if large and config.attention.mode != "none":
        raise ValueError(
            f"attention is for images that are segmented as a whole, and this one has "
            f"{n_pixels:,} pixels: use --attention none or a smaller image"
        )
    return large
