"""The stages by name, imported when a command first plans or runs items."""

from functools import cache
from importlib import import_module
from typing import cast

from stages.base import Stage

STAGES = {
    "propose": ("stages.propose.stage", "ProposeStage"),
    "prior": ("stages.prior.stage", "PriorStage"),
    "segment": ("stages.segment.stage", "SegmentStage"),
    "evaluate": ("stages.evaluate.stage", "EvaluateStage"),
}
"""Module and class of every stage that runs item by item, in the order of the data's flow."""


@cache
def stage(name: str) -> Stage:
    """Return the one instance of a stage."""
    module, attribute = STAGES[name]
    return cast(Stage, getattr(import_module(module), attribute)())
