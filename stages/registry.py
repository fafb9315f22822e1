"""The stages by name.

Planning needs a stage's version and what it reads, so a stage's module is cheap to import: it
imports numba, torch and their like inside `setup` and `run`.
"""

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
