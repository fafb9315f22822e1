"""Where proposals come from; imports nothing heavy until a source is used."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

from stages.base import Inputs
from stages.suggestion import did_you_mean

SOURCES = {
    "none": "stages.propose.none",
    "contour": "stages.propose.contour",
    "gradient": "stages.propose.gradient",
    "masks": "stages.propose.masks",
    "sam": "stages.propose.sam",
    "mobile-sam": "stages.propose.mobile_sam",
    "fast-sam": "stages.propose.fast_sam",
    "hf-sam": "stages.propose.hf_sam",
}
"""Name of a source and the module that holds it: another source is one file and one line."""

MASK_SOURCES = ("masks", "sam", "mobile-sam", "fast-sam", "hf-sam")
"""Sources whose proposals are masks: ``<name>+contour`` divides their objects by contours."""

EXTRAS = {"mobile-sam": "mobile_sam", "fast-sam": "ultralytics", "hf-sam": "transformers"}
"""Sources that need an extra of the same name, and the package that tells whether it is there."""


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
    known = [*SOURCES, *(f"{each}+contour" for each in MASK_SOURCES)]
    if name not in known:
        everything = f"{', '.join(SOURCES)}; {', '.join(MASK_SOURCES)} also with +contour"
        cure = did_you_mean(name, known, "choose another")
        raise ValueError(f"no source of proposals is called '{name}'; {cure} ({everything})")
    return name


def require_extra(name: str) -> None:
    """Raise a ValueError that says what to install when a source's package is not here."""
    if name in EXTRAS and find_spec(EXTRAS[name]) is None:
        raise ValueError(
            f"--prior {name} needs the package {EXTRAS[name]}: pip install 'spam-pipe[{name}]'"
        )


def load_source(name: str) -> Source:
    """Import a source's module; for ``<masks>+contour`` that of the two together."""
    if "+" in known_source(name):
        return cast(Source, import_module("stages.propose.masks_and_contour"))
    return cast(Source, import_module(SOURCES[name]))
