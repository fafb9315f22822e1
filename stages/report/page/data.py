"""What the page says, gathered before anything is rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spam_pipe.stages.report.series import MethodKey


@dataclass(frozen=True)
class Method:
    """One series of the tables: a method under one configuration.

    Attributes
    ----------
    key
        What tells it from the others in the tables.
    label
        What it is called on the page.
    options
        All options that decide its results, by dotted key.
    weights
        SHA-256 of each weights file that it read, by what it was read for.
    seen
        Name of the network that the weights are and what it was trained on, likewise; where known.
    command
        The command line that makes it again.
    """

    key: MethodKey
    label: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, str] = field(default_factory=dict)
    command: str = ""


@dataclass(frozen=True)
class Missing:
    """An item that failed, or a sweep's point that could not run here.

    Attributes
    ----------
    what
        The item's id or the point's label.
    where
        The stage that failed; empty for a skipped point.
    reason
        Why.
    """

    what: str
    where: str
    reason: str


@dataclass(frozen=True)
class Coverage:
    """How much of what was asked for is in.

    Attributes
    ----------
    n_items, n_expected
        Images that the report is about, and that the split officially has (None: nobody knows).
    n_done, n_wanted
        Results measured, and asked for: images × methods × counts.
    """

    n_items: int
    n_expected: int | None
    n_done: int
    n_wanted: int


@dataclass(frozen=True)
class Provenance:
    """Where the figures come from.

    Attributes
    ----------
    run
        The run's name.
    made
        When the page was written, as text.
    versions
        Of each package that computed results, as text.
    devices
        On which devices.
    command
        The command that makes the whole report again.
    """

    run: str
    made: str
    versions: Mapping[str, str]
    devices: Sequence[str]
    command: str


@dataclass(frozen=True)
class Photo:
    """An image of the gallery.

    Attributes
    ----------
    name
        Its id.
    photo
        Data URI of the image, its longer side at most `pictures.LONGEST` pixels.
    width, height
        Of the photo.
    original
        Width and height of the image itself.
    """

    name: str
    photo: str
    width: int
    height: int
    original: tuple[int, int]


@dataclass(frozen=True)
class Drawing:
    """One method's superpixels of one image of the gallery at one K.

    Attributes
    ----------
    lines
        Data URI of the boundaries, a 1-bit PNG of the photo's size.
    objects
        Data URI of the prior's objects, an indexed PNG of that size; None without a prior.
    n_objects
        How many objects these are.
    """

    lines: str
    objects: str | None = None
    n_objects: int = 0


@dataclass(frozen=True)
class Gallery:
    """The pictures that the page carries.

    Attributes
    ----------
    rule
        A sentence: how they were chosen.
    counts
        Requested counts, ascending.
    pictures
        The images.
    drawings
        By image name, series key and requested count.
    """

    rule: str
    counts: Sequence[int]
    pictures: Sequence[Photo]
    drawings: Mapping[tuple[str, MethodKey, int], Drawing]


@dataclass(frozen=True)
class Page:
    """All that the page says beside the tables' figures.

    Attributes
    ----------
    dataset, split
        What the run worked on.
    progress, methods, failures, skipped, gallery, provenance
        See there; `skipped` are a sweep's points that could not run.
    reference
        The method that others are compared with; None for the most accurate one.
    sizes
        What stands for a count that comes of a size of superpixels, such as ``20 px``.
    left_out
        What results the run holds beside those shown; empty where there are none.
    """

    dataset: str
    split: str
    progress: Coverage
    methods: Sequence[Method]
    failures: Sequence[Missing]
    skipped: Sequence[Missing]
    gallery: Gallery
    provenance: Provenance
    reference: MethodKey | None = None
    sizes: Mapping[int, str] = field(default_factory=dict)
    left_out: str = ""

    def asked(self, count: int) -> str:
        """Return what was asked for, a count or a size, in a column or a button that says which."""
        return self.sizes.get(count, str(count))
