"""All metrics of a label map together."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import ValidationError

from spam_pipe.stages.base import Inputs, Output
from spam_pipe.stages.evaluate.config import EvaluateConfig
from spam_pipe.stages.evaluate.evaluate import evaluate
from spam_pipe.stages.evaluate.stage import EvaluateStage
from tests.stages.evaluate.label_maps import Labels, grid, label_maps, shapes

GROUND_TRUTH = ("asa", "ue", "ue_np", "boundary_recall", "boundary_precision")
EXPLAINED = ("explained_variation", "explained_variation_giraud")
REGULARITY = ("gr", "src", "smf", "gr_giraud", "src_giraud")
COLUMNS = (*GROUND_TRUTH, "contour_density", *EXPLAINED, "compactness", *REGULARITY)
IMAGE = np.arange(8 * 12 * 3, dtype=np.uint32).astype(np.uint8).reshape(8, 12, 3)
LABELS = grid(8, 12, 4)


def outputs(
    labels: dict[int, Labels], annotations: tuple[Labels, ...] = (), image: np.ndarray = IMAGE
) -> list[Output]:
    inputs = Inputs(
        image=image,
        annotations=annotations,
        upstream={"segment": {k: Output(arrays={"labels": map_}) for k, map_ in labels.items()}},
    )
    stage, config = EvaluateStage(), EvaluateConfig()
    return list(stage.run(inputs, config, stage.setup(config, "cpu"), list(labels)))


def test_figures_are_the_table_columns() -> None:
    assert sorted(evaluate(LABELS, IMAGE, [LABELS])) == sorted(COLUMNS)
    assert None not in evaluate(LABELS, IMAGE, [LABELS]).values()


def test_what_cannot_be_measured_is_none() -> None:
    figures = evaluate(LABELS)
    assert {name for name, value in figures.items() if value is None} == {
        *GROUND_TRUTH,
        *EXPLAINED,
    }


def test_annotators_are_averaged() -> None:
    annotations = [grid(8, 12, 3), np.zeros((8, 12), np.int32), grid(8, 12, 5)]
    together = evaluate(LABELS, annotations=annotations)
    alone = [evaluate(LABELS, annotations=[annotation]) for annotation in annotations]
    for name in GROUND_TRUTH:
        # Recall is undefined for the annotator who saw one region.
        expected = np.mean([figures[name] for figures in alone if figures[name] is not None])
        assert together[name] == pytest.approx(expected, abs=1e-15)


@given(
    shapes.flatmap(
        lambda s: st.tuples(label_maps(s), label_maps(s), hnp.arrays(np.uint8, (*s, 3)))
    ),
    st.permutations(range(7)),
)
def test_names_of_labels_do_not_matter(
    case: tuple[Labels, Labels, np.ndarray], names: list[int]
) -> None:
    labels, truth, image = case
    renamed = np.array(names)[labels] * 1000
    assert evaluate(renamed, image, [renamed[::-1] + 5, truth]) == evaluate(
        labels, image, [labels[::-1], truth]
    )


def test_tolerance_is_an_option() -> None:
    moved = np.roll(LABELS, 1, axis=1)
    strict = evaluate(LABELS, annotations=[moved])["boundary_recall"]
    lenient = evaluate(LABELS, annotations=[moved], boundary_tolerance=0.2)["boundary_recall"]
    assert strict < lenient == 1


@pytest.mark.parametrize(
    ("labels", "image", "annotations", "message"),
    [
        (np.zeros((0, 0), int), None, (), r"\(0, 0\)"),
        (LABELS - 1, None, (), r"negative, got -1 .*\(8, 12\)"),
        (LABELS.T, IMAGE, (), r"\(12, 8\) is not the image's shape \(8, 12\)"),
        (LABELS, IMAGE[..., 0], (), r"uint8 of shape \(8, 12\)"),
        (LABELS, IMAGE / 255, (), r"float64 of shape \(8, 12, 3\)"),
        (LABELS, IMAGE, (LABELS, LABELS[1:]), r"\(7, 12\) of ground truth 2 .*\(8, 12\) of the im"),
        (LABELS, None, (LABELS[1:],), r"\(7, 12\) of ground truth 1 .*\(8, 12\) of the label map"),
        (LABELS, None, (LABELS - 1,), r"ground truth 1: labels must not be negative"),
    ],
)
def test_bad_input_is_named(
    labels: Labels, image: np.ndarray | None, annotations: tuple[Labels, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        evaluate(labels, image, annotations)
    assert "\n" not in str(caught.value)


def test_stage_yields_a_row_per_count() -> None:
    rows = outputs({4: LABELS, 24: grid(8, 12, 2)}, (LABELS, grid(8, 12, 3)))
    assert [row.attributes["n_requested"] for row in rows] == [4, 24]
    assert [row.attributes["n_superpixels"] for row in rows] == [6, 24]
    for row, labels in zip(rows, (LABELS, grid(8, 12, 2)), strict=True):
        metrics = dict(row.attributes["metrics"])
        assert metrics.pop("delta_k") == (0.5 if labels is LABELS else 0)
        assert metrics == evaluate(labels, IMAGE, [LABELS, grid(8, 12, 3)])
        assert row.attributes["n_annotators"] == 2
        assert row.attributes["note"] == ""
        assert not row.arrays
        assert json.loads(json.dumps(row.attributes, allow_nan=False)) == row.attributes


def test_stage_notes_an_image_of_one_colour() -> None:
    (row,) = outputs({6: LABELS}, image=np.full_like(IMAGE, 9))
    assert row.attributes["metrics"]["explained_variation"] is None
    assert row.attributes["metrics"]["explained_variation_giraud"] is None
    assert "one colour" in row.attributes["note"]
    assert row.attributes["n_annotators"] == 0


def test_stage_notes_superpixels_in_pieces_and_measures_the_pieces() -> None:
    pieces = LABELS.copy()
    pieces[LABELS == 5] = 0
    (row,) = outputs({5: pieces})
    assert row.attributes["n_superpixels"] == 5
    assert row.attributes["note"] == (
        "gr, src and smf are those of the 6 8-connected components of 5 superpixels"
    )
    whole, ours = evaluate(LABELS), row.attributes["metrics"]
    assert {name: ours[name] for name in REGULARITY} == {n: whole[n] for n in REGULARITY}
    assert ours["compactness"] < whole["compactness"]


def test_stage_refuses_ground_truth_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"\(12, 8\) of ground truth 1 .*\(8, 12\)"):
        outputs({6: LABELS}, (LABELS.T,))


def test_a_single_pixel_can_be_measured() -> None:
    (row,) = outputs({1: np.zeros((1, 1), np.uint16)}, image=np.zeros((1, 1, 3), np.uint8))
    assert row.attributes["metrics"]["gr"] == 1


@pytest.mark.parametrize("options", [{"boundary_tolerance": -1}, {"tolerance": 0.1}])
def test_unknown_and_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        EvaluateConfig(**options)


def test_importing_the_stage_loads_no_torch() -> None:
    code = "import sys, spam_pipe.stages.evaluate.stage; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
