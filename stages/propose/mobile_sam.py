"""MobileSAM (Zhang et al., arXiv 2306.14289): Segment Anything's decoder on a small encoder."""

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.proposal import Proposal
from spam_pipe.stages.propose.source_names import require_source_package


def setup(config: ProposeConfig, device: str) -> str:
    """Make sure that the package is here; return the device."""
    require_source_package("mobile-sam")
    return device


def propose(inputs: Inputs, config: ProposeConfig, resources: str) -> Proposal:
    """Generate masks as `stages.propose.sam` does, with its generator and predictor."""
    from spam_pipe.stages.propose.sam_masks import propose_masks
    from spam_pipe.stages.propose.sam_model import builder

    return propose_masks(builder("mobile-sam"), "mobile-sam", inputs, config, resources)
