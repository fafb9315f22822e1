"""Masks and the contour hierarchy of one image together: `stages.prior.divide` fuses them."""

from dataclasses import replace
from typing import Any

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.proposal import Proposal
from spam_pipe.stages.propose.sources import load_source


def setup(config: ProposeConfig, device: str) -> tuple[Any, ...]:
    """Set both sources up."""
    return tuple(load_source(name).setup(config, device) for name in config.sources)


def propose(inputs: Inputs, config: ProposeConfig, resources: tuple[Any, ...]) -> Proposal:
    """Ask both sources."""
    proposed: list[Proposal] = [
        load_source(name).propose(inputs, config, needed)
        for name, needed in zip(config.sources, resources, strict=True)
    ]
    masks, contours = proposed
    return replace(contours, masks=masks.masks)
