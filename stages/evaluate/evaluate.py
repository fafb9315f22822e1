"""All metrics of one label map."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.evaluate.boundary import (
    boundary_map,
    boundary_recall_precision,
    contour_density,
    dilated,
)
from spam_pipe.stages.evaluate.compactness import compactness
from spam_pipe.stages.evaluate.explained_variation import explained_variation
from spam_pipe.stages.evaluate.global_regularity import global_regularity
from spam_pipe.stages.evaluate.overlap import overlap
from spam_pipe.stages.evaluate.reference import Reference, prepare
from spam_pipe.stages.evaluate.regions import Regions, components_of, regions_of

Figures = dict[str, float | None]
"""Metrics by name; None where one is undefined."""


def evaluate(
    labels: NDArray[np.integer],
    image: NDArray[np.uint8] | None = None,
    annotations: Sequence[NDArray[np.integer]] = (),
    boundary_tolerance: float = 0.0025,
    valid: NDArray[np.bool_] | None = None,
) -> Figures:
    """Measure one label map.

    Where some pixels hold no data, the image is the others: shares are of their number, a pixel
    without data has neither colour nor ground truth, makes no boundary, and is outside of the
    image to the shape of a superpixel (compactness, GR).

    Parameters
    ----------
    labels
        (H, W) non-negative integers, gaps allowed.
    image
        (H, W, 3) uint8, sRGB; without it there is no explained variation.
    annotations
        (H, W) non-negative integers per annotator; without any there is no metric that needs
        ground truth.
    boundary_tolerance
        Tolerance of boundary recall and precision as a share of the diagonal.
    valid
        (H, W) bool, False where there is no data; labels there may be anything. None: all count.

    Returns
    -------
    The metrics ``asa``, ``ue``, ``ue_np``, ``boundary_recall``, ``boundary_precision`` (each the
    mean over annotators), ``contour_density``, ``explained_variation``,
    ``explained_variation_giraud``, ``compactness``, ``gr``, ``src``, ``smf``, ``gr_giraud`` and
    ``src_giraud``; None where undefined.

    Raises
    ------
    ValueError
        When `labels` is no label map, or shapes differ; the message names the shapes.
    """
    regions = regions_of(labels, valid)
    shape = (labels.shape[0], labels.shape[1])
    reference = prepare(shape, image, annotations, boundary_tolerance, valid)
    return measure(labels, regions, reference)[0]


def measure(
    labels: NDArray[np.integer], regions: Regions, reference: Reference
) -> tuple[Figures, str]:
    """Measure one label map against a prepared image and ground truth.

    Parameters
    ----------
    labels
        (H, W) non-negative integers.
    regions
        `regions_of` the labels, where the reference is valid.
    reference
        The image and its ground truth.

    Returns
    -------
    The metrics as `evaluate` returns them, and a note on figures that need an explanation, empty
    when none does.

    Raises
    ------
    ValueError
        When the label map is of another shape than the reference.
    """
    if labels.shape != reference.shape:
        raise ValueError(
            f"the label map's shape {labels.shape} is not the image's shape {reference.shape}"
        )
    figures: Figures = _ground_truth_figures(labels, regions, reference)
    notes = []
    figures["explained_variation"] = figures["explained_variation_giraud"] = None
    if reference.image is not None:
        if math.isnan(reference.variation):
            notes.append("explained variation is undefined: the image is of one colour")
        else:
            plain, giraud = explained_variation(regions, reference.image, reference.variation)
            figures["explained_variation"] = plain
            figures["explained_variation_giraud"] = giraud
    figures["compactness"] = compactness(regions)
    components = components_of(regions)
    figures.update(global_regularity(components)._asdict())
    if components.areas.size > regions.areas.size:
        notes.append(
            f"gr, src and smf are those of the {components.areas.size} 8-connected components "
            f"of {regions.areas.size} superpixels"
        )
    return figures, "; ".join(notes)


def _ground_truth_figures(
    labels: NDArray[np.integer], regions: Regions, reference: Reference
) -> Figures:
    """Return the mean over annotators of each figure, of those for whom it is defined."""
    boundary = boundary_map(labels, reference.valid)
    near = dilated(boundary, reference.radius)
    rows = []
    for truth in reference.annotations:
        compared = (regions, boundary, near)
        if truth.counted is not None:
            # As where there is no data: the image of this annotator is the other pixels.
            if not truth.counted.any():
                continue
            own = boundary_map(labels, truth.counted)
            compared = (regions_of(labels, truth.counted), own, dilated(own, reference.radius))
        rows.append(
            (
                *overlap(compared[0], truth.regions, truth.n_regions),
                *boundary_recall_precision(*compared[1:], truth.boundary, truth.dilated),
            )
        )
    names = ("asa", "ue", "ue_np", "boundary_recall", "boundary_precision")
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    figures: Figures = {
        name: _mean([value for value in column if value is not None])
        for name, column in zip(names, columns, strict=True)
    }
    figures["contour_density"] = contour_density(boundary, reference.valid)
    return figures


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def delta_k(n_superpixels: int, n_requested: int) -> float:
    """Return |n - K| / K."""
    return abs(n_superpixels - n_requested) / n_requested
