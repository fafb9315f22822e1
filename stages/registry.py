"""The stages by name: their declarations for planning, and the modules that compute."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import cast

from spam_pipe.stages.base import Stage


@dataclass(frozen=True)
class Declaration:
    """The facts of a stage that planning needs; its module is not imported for them."""

    # where the class that computes lies
    module: str
    name: str
    version: int  # bumped whenever its results change; older results are then stale
    requires: tuple[str, ...]  # names of the upstream stages whose outputs it reads
    # which parts of the item it reads: ``image``, ``annotations``, ``masks``, ``checkpoint`` …
    reads: tuple[str, ...]
    per_count: bool  # true when each requested number of superpixels is a unit of its own
    options: str = ""  # the table of options that it goes by, where that is not the one of its name


STAGES: Mapping[str, Declaration] = {
    "propose": Declaration(
        "spam_pipe.stages.propose.stage",
        "ProposeStage",
        version=2,
        requires=(),
        reads=(
            "image",
            "valid",
            "masks",
            "contour_weights",
            "contour_engine",
            "checkpoint",
            "prompts",
        ),
        per_count=False,
    ),
    "prior": Declaration(
        "spam_pipe.stages.prior.stage",
        "PriorStage",
        version=1,
        requires=("propose",),
        reads=("image", "valid"),
        per_count=False,
    ),
    "hierarchy": Declaration(
        "spam_pipe.stages.segment.nested",
        "HierarchyStage",
        version=2,
        requires=("prior",),
        reads=(
            "image",
            "valid",
            "segment_weights",
            "segment_engine",
            "attention",
            "attention_checkpoint",
        ),
        per_count=False,
        options="segment",
    ),
    "segment": Declaration(
        "spam_pipe.stages.segment.stage",
        "SegmentStage",
        version=3,
        requires=("prior", "hierarchy"),
        reads=(
            "image",
            "valid",
            "segment_weights",
            "segment_engine",
            "segment_annotations",
            "external",
            "attention",
            "attention_checkpoint",
        ),
        per_count=True,
    ),
    "evaluate": Declaration(
        "spam_pipe.stages.evaluate.stage",
        "EvaluateStage",
        version=2,  # recall of a ground truth of one region is empty, not 0
        requires=("segment",),
        reads=("image", "annotations"),
        per_count=True,
    ),
}
"""Every stage that runs item by item, in the order of the data's flow."""


@cache
def stage(name: str) -> Stage:
    """Return the one instance of a stage; imported when an item first needs it."""
    declared = STAGES[name]
    return cast(Stage, getattr(import_module(declared.module), declared.name)())
