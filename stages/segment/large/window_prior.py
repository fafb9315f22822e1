"""Proposals and objects of a large image: made where they are used, window by window.

A map of contours with its hierarchy takes seventy bytes a pixel, so of a large image the stages
`propose` and `prior` only pass on how they are to be made.
"""

from collections.abc import Mapping
from dataclasses import replace

from spam_pipe.stages.base import Arrays, Count, Inputs, Output
from spam_pipe.stages.deferred import Recipe
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.propose.config import ProposeConfig


def make_prior(inputs: Inputs, recipe: Recipe, device: str) -> Arrays:
    """Return a window's prior, as the stages make that of an image.

    Parameters
    ----------
    inputs
        The window as an image, with a digest of its own.
    recipe
        Options of the stages ``propose`` and ``prior``.
    device
        Where networks compute.
    """
    from spam_pipe.stages.prior.stage import PriorStage
    from spam_pipe.stages.propose.sources import load_source

    config = ProposeConfig.model_validate(recipe["propose"])
    source = load_source(config.source)
    proposal = source.propose(inputs, config, source.setup(config, device))
    proposed: Mapping[Count, Output] = {None: Output(proposal.to_arrays())}
    options = PriorConfig.model_validate(recipe["prior"])
    upstream = {"propose": proposed}
    made = PriorStage().run(replace(inputs, upstream=upstream), options, None, (None,))
    return next(made).arrays
