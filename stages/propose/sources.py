"""Where proposals come from; imports nothing heavy until a source is used."""

from difflib import get_close_matches
from importlib import import_module
from typing import Any, Protocol, cast

from stages.base import Inputs

SOURCES = {
    "none": "stages.propose.none",
    "contour": "stages.propose.contour",
    "gradient": "stages.propose.gradient",
    "masks": "stages.propose.masks",
}
"""Name of a source and the module that holds it: another source is one file and one line."""


class Source(Protocol):
    """What a source's module offers."""

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


def known_source(name: str) -> str:
    """Return the name if it is a source's, else raise a ValueError that suggests one."""
    if name not in SOURCES:
        near = get_close_matches(name, SOURCES, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"no source of proposals is called '{name}'{hint} ({', '.join(SOURCES)})")
    return name


def load_source(name: str) -> Source:
    """Import a source's module."""
    return cast(Source, import_module(SOURCES[known_source(name)]))
