"""Segment Anything (Kirillov et al., ICCV 2023, arXiv 2304.02643): the paper's prior."""

from importlib.util import find_spec

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.proposal import Proposal


def setup(config: ProposeConfig, device: str) -> str:
    """Return the device: the model is built when the first image brings its checkpoint.

    Raises
    ------
    ValueError
        When an option of segment-anything needs OpenCV, which is not installed.
    """
    if config.sam.min_mask_region_area > 0 and find_spec("cv2") is None:
        raise ValueError(
            "propose.sam.min_mask_region_area needs OpenCV: pip install 'spam-pipe[opencv]'"
        )
    return device


def propose(inputs: Inputs, config: ProposeConfig, resources: str) -> Proposal:
    """Generate masks from a grid of points, or from the user's prompts."""
    from spam_pipe.stages.propose.sam_masks import propose_masks
    from spam_pipe.stages.propose.sam_model import builder

    return propose_masks(builder(config.model), config.model, inputs, config, resources)
