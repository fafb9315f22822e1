"""ODS, OIS and AP of contour maps, as the Berkeley benchmark measures (Arbelaez, PAMI 2011)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import thin

from .matching import match_contours

_STEPS = np.linspace(0, 1, 100)
"""Where the curve between two thresholds is looked at for the best F."""

_RECALLS = np.linspace(0, 1, 101)
"""Recalls at which average precision samples the curve."""


class ContourCounts(NamedTuple):
    """What one image adds to a benchmark at each of T thresholds, all (T,) int64.

    Attributes
    ----------
    truth_matched, truth
        Ground-truth contour pixels that are matched, and all of them, summed over annotators.
    detected_matched, detected
        Detected pixels that are matched with any annotator's, and all of them.
    """

    truth_matched: NDArray[np.int64]
    truth: NDArray[np.int64]
    detected_matched: NDArray[np.int64]
    detected: NDArray[np.int64]


class ContourScores(NamedTuple):
    """Quality of a contour detector on a set of images, in [0, 1].

    Attributes
    ----------
    ods, ods_threshold, ods_recall, ods_precision
        The best F with one threshold for all images, and where it is reached.
    ois
        F when each image has the threshold that is best for it.
    ap
        Average precision: the area under the precision-recall curve of the set.
    """

    ods: float
    ods_threshold: float
    ods_recall: float
    ods_precision: float
    ois: float
    ap: float


def thresholds(count: int = 99) -> NDArray[np.float64]:
    """Return thresholds evenly spaced inside (0, 1), (count,) float64 ascending."""
    return np.arange(1, count + 1) / (count + 1)


def annotation_contours(regions: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return an annotator's contours, one pixel thin, from the regions between them.

    Equal to the ``Boundaries`` that BSDS500 holds beside each ``Segmentation``.

    Parameters
    ----------
    regions
        (H, W) integers.

    Returns
    -------
    (H, W) bool.
    """
    contours = np.zeros(regions.shape, np.bool_)
    contours[:, :-1] |= regions[:, :-1] != regions[:, 1:]
    contours[:-1] |= regions[:-1] != regions[1:]
    contours[:-1, :-1] |= regions[:-1, :-1] != regions[1:, 1:]
    thinned: NDArray[np.bool_] = thin(contours)
    return thinned


def contour_counts(
    probability: NDArray[np.floating],
    contours: Sequence[NDArray[np.bool_]],
    n_thresholds: int = 99,
    tolerance: float = 0.0075,
) -> ContourCounts:
    """Compare one image's contour map with its annotators' contours.

    At each threshold the map's pixels that reach it are thinned and matched one to one with each
    annotator's.

    Parameters
    ----------
    probability
        (H, W) in [0, 1], best with its ridges thinned already (non-maximum suppression).
    contours
        (H, W) bool per annotator, at least one.
    n_thresholds
        Number of thresholds; 99 in the benchmark.
    tolerance
        Largest distance of a match as a share of the image's diagonal.

    Raises
    ------
    ValueError
        When there is no annotator, or one's contours are of another shape.
    """
    if not contours:
        raise ValueError("contours are measured against at least one annotator's")
    for number, truth in enumerate(contours, start=1):
        if truth.shape != probability.shape:
            raise ValueError(
                f"the shape {truth.shape} of ground truth {number} is not the shape "
                f"{probability.shape} of the contour map"
            )
    max_distance = tolerance * math.hypot(*probability.shape)
    all_truth = sum(int(np.count_nonzero(truth)) for truth in contours)
    rows = []
    for threshold in thresholds(n_thresholds):
        detected = thin(probability >= threshold)
        matches = [match_contours(detected, truth, max_distance) for truth in contours]
        found = np.logical_or.reduce([ours for ours, _ in matches])
        truth_matched = sum(int(np.count_nonzero(theirs)) for _, theirs in matches)
        rows.append((truth_matched, all_truth, np.count_nonzero(found), np.count_nonzero(detected)))
    return ContourCounts(*np.array(rows, np.int64).T)


def contour_scores(counts: Sequence[ContourCounts]) -> ContourScores:
    """Sum up the counts of a set of images.

    Parameters
    ----------
    counts
        `contour_counts` of each image, all of the same thresholds.

    Raises
    ------
    ValueError
        When there is no image, or the numbers of thresholds differ.
    """
    if len({len(image.truth) for image in counts}) != 1:
        raise ValueError("contour scores need images measured at the same thresholds")
    recall, precision = _recall_precision(
        ContourCounts(*(np.sum(column, axis=0) for column in zip(*counts, strict=True)))
    )
    ods, threshold, ods_recall, ods_precision = _best_of_curve(recall, precision)
    best = []
    for image in counts:
        index = int(np.argmax(_f_measure(*_recall_precision(image))))
        best.append([column[index : index + 1] for column in image])
    of_images = ContourCounts(*(np.sum(column, axis=0) for column in zip(*best, strict=True)))
    ois = float(_f_measure(*_recall_precision(of_images))[0])
    return ContourScores(
        ods, threshold, ods_recall, ods_precision, ois, _average_precision(recall, precision)
    )


def _recall_precision(
    counts: ContourCounts,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both per threshold, 0 where a denominator is."""
    return (
        counts.truth_matched / np.maximum(counts.truth, 1),
        counts.detected_matched / np.maximum(counts.detected, 1),
    )


def _f_measure(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> NDArray[np.float64]:
    total = recall + precision
    return 2 * recall * precision / np.where(total == 0, 1, total)


def _best_of_curve(
    recall: NDArray[np.float64], precision: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Return the best F, its threshold, recall and precision on the curve drawn with lines."""
    at = np.arange(recall.size)
    fine = np.unique(np.concatenate([at, (at[:-1, None] + _STEPS).ravel()]))
    curves = [
        np.interp(fine, at, values) for values in (thresholds(recall.size), recall, precision)
    ]
    f_measure = _f_measure(curves[1], curves[2])
    best = int(np.argmax(f_measure))
    return (
        float(f_measure[best]),
        float(curves[0][best]),
        float(curves[1][best]),
        float(curves[2][best]),
    )


def _average_precision(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> float:
    """Sum the precision at every hundredth of recall; none where the curve has no recall.

    Of several thresholds with the same recall the most precise one counts.
    """
    recalls, which = np.unique(recall, return_inverse=True)
    if recalls.size < 2:
        return 0.0
    precisions = np.zeros_like(recalls)
    np.maximum.at(precisions, which, precision)
    return float(np.interp(_RECALLS, recalls, precisions, left=0, right=0).sum() * 0.01)
