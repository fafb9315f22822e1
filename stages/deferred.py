"""From which size on an image is segmented by blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spam_pipe.stages.base import StageConfig

if TYPE_CHECKING:
    pass

BLOCK_PIXELS = 4_000_000
"""An image of more pixels is segmented by blocks."""

WINDOW_PIXELS = 4_000_000
"""Pixels that are seen at a time: they take 1.7 GB. Labels depend on where windows lie, so their
size is the same on every machine, for all files and options."""

BY_BLOCKS = "by_blocks"
"""Attribute under which an output without arrays holds the options of its making, by stage."""


Recipe = Mapping[str, Mapping[str, Any]]
"""The stages' options by name."""


def recipe(
    name: str, config: StageConfig, upstream: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the attribute that passes a stage's options on, beside those from upstream."""
    passed = {} if upstream is None else upstream[BY_BLOCKS]
    return {BY_BLOCKS: {**passed, name: config.model_dump(mode="json")}}
