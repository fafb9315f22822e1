"""Results of annotated images: classes, conflicts and scores, as CSV and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spam_pipe.stages.annotate.annotate import Annotation
from spam_pipe.stages.annotate.score import Score
from spam_pipe.stages.csv_cells import csv_lines

_COUNTS = ("image", "n_clicks", "n_superpixels", "n_clicked")


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """One image's mask and its figures."""

    item: str  # the image's id
    annotation: Annotation  # its mask and conflicts
    n_clicks: int  # pixels and objects that were named
    scores: tuple[Score, ...]  # of each annotator of its ground truth; empty without one

    @property
    def labelled(self) -> float:
        """Share of the pixels that have a class."""
        return float((self.annotation.mask > 0).mean())

    @property
    def score(self) -> Score:
        """Mean over annotators; NaN without ground truth."""
        if not self.scores:
            return Score(np.nan, np.nan)
        return Score(*np.mean(self.scores, axis=0).tolist())


@dataclass(frozen=True)
class Said:
    """The closing words of a command, for people and for programs."""

    lines: tuple[str, ...]
    figures: dict[str, Any]


def tables(done: Sequence[AnnotatedImage], classes: Mapping[int, str]) -> dict[str, bytes]:
    """Return ``classes.csv``, ``conflicts.csv`` and ``scores.csv``."""
    sizes = {number: [0, 0] for number in classes}
    conflicts: list[Sequence[object]] = []
    scores: list[Sequence[object]] = []
    for image in done:
        numbers, pixels = np.unique(image.annotation.mask, return_counts=True)
        for number, n in zip(numbers.tolist(), pixels.tolist(), strict=True):
            if number:
                sizes[number] = [sizes[number][0] + 1, sizes[number][1] + n]
        conflicts += _conflicts(image, classes)
        found, scored = image.annotation, bool(image.scores)
        counts = (image.n_clicks, found.n_superpixels, found.n_clicked)
        figures = [f"{figure:.6f}" if scored else "" for figure in image.score]
        scores.append([image.item, *counts, f"{image.labelled:.6f}", *figures, len(image.scores)])
    return {
        "classes.csv": _csv(
            ("class", "name", "n_images", "n_pixels"),
            [(number, name, *sizes[number]) for number, name in classes.items()],
        ),
        "conflicts.csv": _csv(
            ("image", "superpixel", "class", "name", "n_clicks", "wins"), conflicts
        ),
        "scores.csv": _csv(
            (*_COUNTS, "labelled", "pixel_accuracy", "mean_iou", "n_annotators"), scores
        ),
    }


def summarize(done: Sequence[AnnotatedImage], *, filled: bool) -> Said:
    """Say how much was annotated, how many conflicts remain and how well it fits the truth."""
    n_clicks = sum(image.n_clicks for image in done)
    clicked = sum(image.annotation.n_clicked for image in done)
    superpixels = sum(image.annotation.n_superpixels for image in done)
    labelled = float(np.mean([image.labelled for image in done]))
    conflicts = sum(np.unique(image.annotation.conflicts.regions).size for image in done)
    lines = [
        f"{n_clicks} clicks on {clicked} of {superpixels} superpixels; "
        f"{100 * labelled:.1f} % of the pixels have a class"
    ]
    if labelled < 1 and not filled:
        lines[0] += ", the others are 0 (--fill gives them that of what is most alike)"
    if conflicts:
        has = "1 superpixel has" if conflicts == 1 else f"{conflicts} superpixels have"
        lines.append(
            f"{has} clicks of several classes: the most frequent one won, of several the last "
            "one; conflicts.csv lists them, a larger K may divide them"
        )
    scored = [image.score for image in done if image.scores]
    figures: dict[str, Any] = {
        "n_clicks": n_clicks,
        "n_clicked": clicked,
        "n_superpixels": superpixels,
        "labelled": labelled,
        "n_conflicts": int(conflicts),
        "pixel_accuracy": None,
        "mean_iou": None,
    }
    if scored:
        accuracy, iou = np.mean(scored, axis=0).tolist()
        figures |= {"pixel_accuracy": accuracy, "mean_iou": iou}
        lines.append(
            f"against ground truth, whose regions are called as most clicks in them: pixel "
            f"accuracy {accuracy:.3f}, mean IoU {iou:.3f} (mean over annotators, then images)"
        )
    return Said(tuple(lines), figures)


def _conflicts(image: AnnotatedImage, classes: Mapping[int, str]) -> list[Sequence[object]]:
    """Return a row per class said of a superpixel; the winning one is the last of each."""
    votes = image.annotation.conflicts
    wins = np.diff(votes.regions, append=-1) != 0
    columns = (votes.regions, votes.classes, votes.counts, wins.astype(np.int64))
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [(image.item, s, c, classes[c], n, win) for s, c, n, win in rows]


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    return csv_lines([columns, *rows]).encode()
