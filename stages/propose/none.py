"""No proposals: the whole image is one object."""

from stages.base import Inputs
from stages.propose.config import ProposeConfig
from stages.propose.proposal import Proposal


def setup(config: ProposeConfig, device: str) -> None:
    """Need nothing."""


def propose(inputs: Inputs, config: ProposeConfig, resources: None) -> Proposal:
    """Propose nothing."""
    return Proposal()
