"""Segment Anything (Kirillov et al., ICCV 2023, arXiv 2304.02643): the paper's prior."""

from stages.base import Inputs
from stages.propose.config import ProposeConfig
from stages.propose.proposal import Proposal


def setup(config: ProposeConfig, device: str) -> str:
    """Return the device: the model is built when the first image brings its checkpoint."""
    return device


def propose(inputs: Inputs, config: ProposeConfig, resources: str) -> Proposal:
    """Generate masks from a grid of points, or from the user's prompts."""
    from segment_anything import sam_model_registry

    from stages.propose.sam_masks import propose_masks

    return propose_masks(sam_model_registry[config.model], config.model, inputs, config, resources)
