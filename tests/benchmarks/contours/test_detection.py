"""ODS, OIS and AP, on cases that can be done by hand."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from tests.benchmarks.contours.detection import (
    ContourCounts,
    annotation_contours,
    contour_counts,
    contour_scores,
    thresholds,
)


def line(column: int, rows: slice = slice(None)) -> np.ndarray:
    contours = np.zeros((20, 30), np.bool_)
    contours[rows, column] = True
    return contours


def counts(*columns: list[int]) -> ContourCounts:
    return ContourCounts(*(np.array(column, np.int64) for column in columns))


def test_thresholds_are_the_benchmark_s() -> None:
    assert thresholds(3).tolist() == [0.25, 0.5, 0.75]
    assert thresholds()[[0, -1]].tolist() == [0.01, 0.99]


def test_contours_of_regions_are_those_of_the_dataset(bsd_root: Path) -> None:
    for path in sorted((bsd_root / "groundTruth" / "val").glob("*.mat"))[:4]:
        for cell in loadmat(path)["groundTruth"][0]:
            expected = cell["Boundaries"][0, 0].astype(bool)
            contours = annotation_contours(cell["Segmentation"][0, 0])
            np.testing.assert_array_equal(contours, expected)


def test_recall_sums_over_annotators_and_precision_asks_for_any() -> None:
    # Half of the first annotator's line is seen, all of the second's, and one that nobody drew.
    truths = [line(5), line(20)]
    probability = 0.6 * line(5, slice(0, 10)) + 0.6 * line(20) + 0.6 * line(12)
    result = contour_counts(probability, truths, n_thresholds=3, tolerance=0.03)  # 1.08 pixels
    assert result.truth.tolist() == [40, 40, 40]
    assert result.detected.tolist() == [50, 50, 0]
    # Pixels are matched one to one: the pixel below the half line's end has no partner left.
    assert result.truth_matched.tolist() == [30, 30, 0]
    assert result.detected_matched.tolist() == [30, 30, 0]


def test_a_pixel_that_two_annotators_drew_counts_twice_for_recall_once_for_precision() -> None:
    result = contour_counts(0.5 * line(5), [line(5), line(6)], n_thresholds=1, tolerance=0.03)
    assert [column.tolist() for column in result] == [[40], [40], [20], [20]]


def test_thick_contours_are_thinned() -> None:
    thick = np.clip(line(4) + line(5) + line(6), 0, 1).astype(float)
    result = contour_counts(thick, [line(5)], n_thresholds=1)
    assert result.detected[0] <= 20
    assert result.truth_matched[0] == result.detected_matched[0] == result.detected[0]


def test_a_contour_counts_where_it_reaches_the_threshold() -> None:
    result = contour_counts(0.5 * line(5), [line(5)], n_thresholds=3)
    assert result.detected.tolist() == [20, 20, 0]


def test_a_perfect_detector() -> None:
    scores = contour_scores([contour_counts(1.0 * line(5), [line(5)], n_thresholds=9)])
    assert scores.ods == scores.ods_recall == scores.ods_precision == scores.ois == 1
    assert scores.ap == 0  # the benchmark's curve of one recall has no area


def test_a_detector_of_nothing() -> None:
    scores = contour_scores([contour_counts(0.0 * line(5), [line(5)], n_thresholds=9)])
    assert (scores.ods, scores.ois, scores.ap) == (0, 0, 0)


def test_scores_of_two_images_by_hand() -> None:
    # The first is best at the first threshold, the second at the second.
    first = counts([8, 2], [10, 10], [8, 2], [10, 2])
    second = counts([9, 9], [10, 10], [9, 9], [30, 10])
    scores = contour_scores([first, second])
    # Together: recall 17/20 and 11/20, precision 17/40 and 11/12.
    at = np.linspace(0, 1, 100_001)
    recall, precision = 17 / 20 - 6 / 20 * at, 17 / 40 + (11 / 12 - 17 / 40) * at
    f_measure = 2 * recall * precision / (recall + precision)
    assert scores.ods == pytest.approx(f_measure.max(), abs=1e-5)
    best = at[f_measure.argmax()]
    assert scores.ods_threshold == pytest.approx((1 + best) / 3, abs=0.004)
    assert scores.ods_recall == pytest.approx(recall[f_measure.argmax()], abs=0.004)
    assert scores.ods_precision == pytest.approx(precision[f_measure.argmax()], abs=0.006)
    # Each at its best: 17 of 20 found, 17 of 20 right.
    assert scores.ois == pytest.approx(0.85, abs=1e-12)
    # Between the two recalls, hundredths .55 to .85 on the line between the precisions.
    hundredths = np.arange(55, 86) / 100
    on_line = np.interp(hundredths, [0.55, 0.85], [11 / 12, 17 / 40])
    assert scores.ap == pytest.approx(on_line.sum() / 100, abs=1e-12)


def test_at_equal_recall_the_most_precise_threshold_makes_the_curve() -> None:
    image = counts([8, 8, 4], [10, 10, 10], [8, 8, 4], [16, 10, 4])
    on_line = np.interp(np.arange(40, 81) / 100, [0.4, 0.8], [1, 0.8])
    assert contour_scores([image]).ap == pytest.approx(on_line.sum() / 100, abs=1e-12)


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one annotator"):
        contour_counts(0.5 * line(5), [])
    with pytest.raises(ValueError, match=r"\(30, 20\) of ground truth 2 .*\(20, 30\)"):
        contour_counts(0.5 * line(5), [line(5), line(5).T])
    with pytest.raises(ValueError, match="same thresholds"):
        contour_scores([])
    with pytest.raises(ValueError, match="same thresholds"):
        contour_scores([counts([1], [1], [1], [1]), counts([1, 1], [1, 1], [1, 1], [1, 1])])
