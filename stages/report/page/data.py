"""What the page says, gathered before anything is rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spam_pipe.stages.report.series import MethodKey


@dataclass(frozen=True)
class Method:
    """One series of the tables: a method under one configuration."""

    key: MethodKey  # what tells it from the others in the tables
    label: str  # what it is called on the page
    # all options that decide its results, by dotted key
    options: Mapping[str, Any] = field(default_factory=dict)
    # SHA-256 of each weights file that it read, by what it was read for
    weights: Mapping[str, str] = field(default_factory=dict)
    # name of the network that the weights are and what it was trained on, likewise; where known
    seen: Mapping[str, str] = field(default_factory=dict)
    command: str = ""  # the command line that makes it again


@dataclass(frozen=True)
class Missing:
    """An item that failed, or a sweep's point that could not run here."""

    what: str  # the item's id or the point's label
    where: str  # the stage that failed; empty for a skipped point
    reason: str  # why


@dataclass(frozen=True)
class Coverage:
    """How much of what was asked for is in."""

    # images that the report is about, and that the split officially has (None: nobody knows)
    n_items: int
    n_expected: int | None
    # results measured, and asked for: images × methods × counts
    n_done: int
    n_wanted: int


@dataclass(frozen=True)
class Provenance:
    """Where the figures come from."""

    run: str  # the run's name
    made: str  # when the page was written, as text
    versions: Mapping[str, str]  # of each package that computed results, as text
    devices: Sequence[str]  # on which devices
    command: str  # the command that makes the whole report again


@dataclass(frozen=True)
class Photo:
    """An image of the gallery."""

    name: str  # its id
    photo: str  # data URI of the image, its longer side at most `pictures.LONGEST` pixels
    # of the photo
    width: int
    height: int
    original: tuple[int, int]  # width and height of the image itself


@dataclass(frozen=True)
class Drawing:
    """One method's superpixels of one image of the gallery at one K."""

    lines: str  # data URI of the boundaries, a 1-bit PNG of the photo's size
    # data URI of the prior's objects, an indexed PNG of that size; None without a prior
    objects: str | None = None
    n_objects: int = 0  # how many objects these are


@dataclass(frozen=True)
class Gallery:
    """The pictures that the page carries."""

    rule: str  # A sentence: how they were chosen
    counts: Sequence[int]  # requested counts, ascending
    pictures: Sequence[Photo]  # the images
    # by image name, series key and requested count
    drawings: Mapping[tuple[str, MethodKey, int], Drawing]


@dataclass(frozen=True)
class Page:
    """All that the page says beside the tables' figures."""

    # what the run worked on
    dataset: str
    split: str
    # see there; `skipped` are a sweep's points that could not run
    progress: Coverage
    methods: Sequence[Method]
    failures: Sequence[Missing]
    skipped: Sequence[Missing]
    gallery: Gallery
    provenance: Provenance
    # the method that others are compared with; None for the most accurate one
    reference: MethodKey | None = None
    # what stands for a count that comes of a size of superpixels, such as ``20 px``
    sizes: Mapping[int, str] = field(default_factory=dict)
    left_out: str = ""  # what results the run holds beside those shown; empty where there are none

    def asked(self, count: int) -> str:
        """Return what was asked for, a count or a size, in a column or a button that says which."""
        return self.sizes.get(count, str(count))
