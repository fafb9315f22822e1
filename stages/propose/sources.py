"""Sources of proposals; nothing heavy is imported until a source is used."""

from importlib import import_module
from typing import Any, Protocol, cast

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.propose.source_names import SOURCES, known_source


class Source(Protocol):
    """The functions that a source's module has."""

    def setup(self, config: Any, device: str) -> Any:
        """Build models and warm up kernels: called once per process and config."""
        ...

    def propose(self, inputs: Inputs, config: Any, resources: Any) -> Any:
        """Return the `stages.propose.proposal.Proposal` of an image.

        Raises
        ------
        ValueError
            When the item cannot be processed; the message names what is wrong with it.
        """
        ...


def load_source(name: str) -> Source:
    """Import a source's module; for ``<masks>+contour`` that of the two together."""
    if "+" in known_source(name):
        return cast(Source, import_module("spam_pipe.stages.propose.masks_and_contour"))
    return cast(Source, import_module(SOURCES[name]))
