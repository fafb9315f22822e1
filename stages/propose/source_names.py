"""The names of the sources of proposals, and the packages that they need."""

from importlib.util import find_spec

from spam_pipe.stages.suggestion import did_you_mean

SOURCES = {
    "none": "spam_pipe.stages.propose.none",
    "contour": "spam_pipe.stages.propose.contour",
    "gradient": "spam_pipe.stages.propose.gradient",
    "masks": "spam_pipe.stages.propose.masks",
    "sam": "spam_pipe.stages.propose.sam",
    "mobile-sam": "spam_pipe.stages.propose.mobile_sam",
    "fast-sam": "spam_pipe.stages.propose.fast_sam",
    "hf-sam": "spam_pipe.stages.propose.hf_sam",
}
"""Name of a source and the module that holds it: another source is one file and one line."""


MASK_SOURCES = ("masks", "sam", "mobile-sam", "fast-sam", "hf-sam")
"""Sources whose proposals are masks: ``<name>+contour`` divides their objects by contours."""


EXTRAS = {"mobile-sam": "mobile_sam", "fast-sam": "ultralytics", "hf-sam": "transformers"}
"""Sources that need an extra of the same name, and the package that tells whether it is there."""


def source_names() -> list[str]:
    """Return every name that `--prior` takes."""
    return [*SOURCES, *(f"{each}+contour" for each in MASK_SOURCES)]


def known_source(name: str) -> str:
    """Return the name if it is a source's, else raise a ValueError that suggests one."""
    known = source_names()
    if name not in known:
        everything = f"{', '.join(SOURCES)}; {', '.join(MASK_SOURCES)} also with +contour"
        cure = did_you_mean(name, known, "choose another")
        raise ValueError(f"no source of proposals is called '{name}'; {cure} ({everything})")
    return name


def require_source_package(name: str) -> None:
    """Raise a ValueError that names the extra to install when a source's package is missing."""
    if name in EXTRAS and find_spec(EXTRAS[name]) is None:
        raise ValueError(
            f"--prior {name} needs the package {EXTRAS[name]}: pip install 'spam-pipe[{name}]'"
        )
