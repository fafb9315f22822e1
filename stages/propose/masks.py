"""The user's own segmentation of each image."""

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.proposal import Proposal
from spam_pipe.stages.propose.run_lengths import RunLengths


def setup(config: ProposeConfig, device: str) -> None:
    """Need nothing: the pipeline reads the files."""


def propose(inputs: Inputs, config: ProposeConfig, resources: None) -> Proposal:
    """Pass on the masks that belong to the image."""
    if inputs.masks is None:
        raise ValueError("no masks came with the image: set propose.masks to their folder")
    assert inputs.image is not None
    if len(inputs.masks) == 0:
        # A file without masks says nothing of the image's size.
        return Proposal(masks=RunLengths.empty(inputs.image.shape[:2]))
    return Proposal(masks=inputs.masks)
