"""No proposals: the whole image is one object."""

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.proposal import Proposal


def setup(config: ProposeConfig, device: str) -> None:
    """Need nothing."""


def propose(inputs: Inputs, config: ProposeConfig, resources: None) -> Proposal:
    """Propose nothing."""
    return Proposal()
