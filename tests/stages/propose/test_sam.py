"""Segment Anything's real code with a tiny model: masks from a grid, from prompts, from files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.prior.aggregate import aggregate
from spam_pipe.stages.propose import sam
from spam_pipe.stages.propose.config import ProposeConfig, SamConfig
from spam_pipe.stages.propose.prompts import Prompt
from spam_pipe.stages.propose.proposal import Proposal
from spam_pipe.stages.propose.sam_masks import generate, prompted
from spam_pipe.stages.propose.sam_model import load_sam
from spam_pipe.stages.propose.stage import ProposeStage
from tests.stages.propose.tiny_sam import EVERYTHING, build_tiny_sam, save_tiny_sam


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_tiny_sam(tmp_path_factory.mktemp("sam") / "tiny.pth")


@pytest.fixture(scope="module")
def model(checkpoint):
    return load_sam(build_tiny_sam, "tiny", checkpoint, "cpu", "float32")


@pytest.fixture(scope="module")
def image():
    random = np.random.default_rng(0)
    blocks = np.kron(random.integers(0, 255, (4, 6, 3)), np.ones((12, 12, 1)))
    return (blocks + random.integers(0, 10, blocks.shape)).clip(0, 255).astype(np.uint8)


def same_masks(found, expected):
    assert len(found) == len(expected)
    for index, mask in enumerate(expected):
        assert np.array_equal(found.mask(index), mask["segmentation"])
    np.testing.assert_array_equal(found.area, [mask["area"] for mask in expected])
    np.testing.assert_array_equal(
        found.score, np.float32([mask["predicted_iou"] for mask in expected])
    )


@pytest.mark.parametrize(
    "options",
    [
        EVERYTHING,
        {**EVERYTHING, "box_nms_thresh": 0.7, "points_per_batch": 2},
        {**EVERYTHING, "crop_n_layers": 1, "crop_nms_thresh": 1.0, "crop_overlap_ratio": 0.2},
        {**EVERYTHING, "min_mask_region_area": 100},
    ],
)
def test_masks_are_those_of_the_generator(model, image, options):
    expected = SamAutomaticMaskGenerator(model, **options).generate(image)
    assert expected
    same_masks(generate(model, image, SamConfig(**options)), expected)


def test_explicit_points_replace_the_grid(model, image):
    grid = ((0.1, 0.2), (0.7, 0.9))
    options = {key: value for key, value in EVERYTHING.items() if key != "points_per_side"}
    theirs = SamAutomaticMaskGenerator(
        model, points_per_side=None, point_grids=[np.array(grid)], **options
    )
    found = generate(model, image, SamConfig(point_grids=(grid,), **options))
    assert len(found) == 6
    same_masks(found, theirs.generate(image))


def test_our_defaults_are_segment_anythings():
    from inspect import signature

    theirs = signature(SamAutomaticMaskGenerator).parameters
    ours = SamConfig().model_dump()
    assert ours == {name: theirs[name].default for name in ours}
    assert theirs.keys() - ours.keys() == {"model", "output_mode"}


def test_no_mask_good_enough_is_an_empty_list(model, image):
    found = generate(model, image, SamConfig(points_per_side=2, pred_iou_thresh=1))
    assert len(found) == 0
    assert found.size == image.shape[:2]


def test_the_stage_stores_masks_that_aggregate_to_objects(
    checkpoint, image, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sam_model_registry, "vit_b", build_tiny_sam)
    config = ProposeConfig(source="sam", model="vit_b", sam=EVERYTHING)
    stage = ProposeStage()
    inputs = Inputs(image=image, checkpoint=checkpoint)
    (output,) = stage.run(inputs, config, stage.setup(config, "cpu"), [None])
    assert output.attributes == {"source": "sam", "n_masks": 27}
    assert set(output.arrays) == {"counts", "offsets", "size", "area", "score"}
    objects = aggregate(Proposal.from_arrays(output.arrays).masks)
    assert objects.shape == image.shape[:2]
    assert objects.max() >= 2


def test_the_model_is_built_once(checkpoint, image):
    inputs = Inputs(image=image, checkpoint=checkpoint)
    built = []

    def build():
        built.append(1)
        return build_tiny_sam()

    from spam_pipe.stages.propose.sam_masks import propose_masks

    config = ProposeConfig(source="sam", sam=EVERYTHING)
    first = propose_masks(build, "tiny", inputs, config, "cpu")
    again = propose_masks(build, "tiny", inputs, config, "cpu")
    assert len(built) == 1
    assert np.array_equal(first.masks.counts, again.masks.counts)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_lower_precision_changes_few_pixels(checkpoint, model, image, precision):
    reduced = load_sam(build_tiny_sam, "tiny", checkpoint, "cpu", precision)
    assert next(reduced.image_encoder.parameters()).dtype != torch.float32
    prompts = [Prompt(np.array([[20.0, 30.0]]), np.array([1]))]
    full, half = prompted(model, image, prompts), prompted(reduced, image, prompts)
    assert np.mean(full.mask(0) != half.mask(0)) < 0.05
    assert half.score[0] == pytest.approx(full.score[0], abs=0.02)
    assert half.score[0] != full.score[0]


def test_prompts_are_answered_by_the_predictor(model, image):
    point = Prompt(np.array([[20.0, 30.0]]), np.array([1]))
    pair = Prompt(np.array([[20.0, 30.0], [60.0, 10.0]]), np.array([1, 0]))
    box = Prompt(np.zeros((0, 2)), np.zeros(0, int), np.array([10.0, 5.0, 50.0, 40.0]))
    found = prompted(model, image, [point, pair, box])
    predictor = SamPredictor(model)
    predictor.set_image(image)
    masks, quality, _ = predictor.predict(point.points, point.labels)
    assert np.array_equal(found.mask(0), masks[quality.argmax()])
    assert found.score[0] == quality.max()
    masks, quality, _ = predictor.predict(pair.points, pair.labels, multimask_output=False)
    assert np.array_equal(found.mask(1), masks[0])
    masks, quality, _ = predictor.predict(box=box.box, multimask_output=False)
    assert np.array_equal(found.mask(2), masks[0])
    assert found.score[2] == quality[0]


@pytest.mark.parametrize(("x", "y"), [(-1, 5), (5, 48.5), (72.5, 3)])
def test_a_prompt_outside_the_image_is_refused(model, image, x, y):
    prompts = [
        Prompt(np.array([[3.0, 3.0]]), np.array([1])),
        Prompt(np.array([[x, y]], float), np.array([1])),
    ]
    with pytest.raises(ValueError, match=rf"object 2 .*\({x}, {y}\), outside .* 72×48"):
        prompted(model, image, prompts)


def test_an_image_too_thin_for_the_model_is_refused(model):
    thin = np.zeros((1, 500, 3), np.uint8)
    with pytest.raises(ValueError, match=r"1×500 .*too thin"):
        generate(model, thin, SamConfig())
    narrow = np.zeros((4, 100, 3), np.uint8)
    assert generate(model, narrow, SamConfig(**EVERYTHING)).size == (4, 100)


def damaged(folder: Path, checkpoint: Path, how: str) -> Path:
    path = folder / f"{how}.pth"
    content = checkpoint.read_bytes()
    state = torch.load(checkpoint, weights_only=True)
    match how:
        case "truncated":
            path.write_bytes(content[: len(content) // 2])
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("not weights")
        case "code":
            torch.save(build_tiny_sam(), path)
        case "list":
            torch.save([1, 2], path)
        case "other":
            torch.save({"weight": torch.zeros(3)}, path)
        case "vit_l":
            state["image_encoder.pos_embed"] = torch.zeros(1, 4, 4, 1024)
            torch.save(state, path)
        case "short":
            state.popitem()
            torch.save(state, path)
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("truncated", "truncated or another kind of file; delete it and fetch or copy it again"),
        ("empty", "not a whole PyTorch file"),
        ("text", "no PyTorch file"),
        ("code", "holds code instead of tensors, which is never run"),
        ("list", "no state dict"),
        ("other", "not a checkpoint of vit_b; .*fetch the right one"),
        ("vit_l", "not a checkpoint of vit_b; it is one of vit_l: .*propose.model=vit_l"),
        ("short", "not a checkpoint of vit_b"),
    ],
)
def test_a_wrong_checkpoint_is_named_with_the_cure(tmp_path, checkpoint, how, message):
    path = damaged(tmp_path, checkpoint, how)
    with pytest.raises(ValueError, match=message) as caught:
        load_sam(build_tiny_sam, "vit_b", path, "cpu", "float32")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop_n_layers": 3, "crop_n_points_downscale_factor": 4}, "last layer .* has no points"),
        ({"point_grids": [[[0.5, 0.5]]], "crop_n_layers": 1}, "needs 2 lists"),
        ({"point_grids": [[]]}, "needs 1 lists"),
        ({"point_grids": [[[0.5, 1.5]]]}, "shares of width and height"),
        ({"pred_iou_thresh": 2}, "less than or equal to 1"),
        ({"points_per_side": 0}, "greater than or equal to 1"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        SamConfig.model_validate(options)


def test_only_options_that_the_source_reads_decide():
    plain = ProposeConfig(source="contour")
    assert plain.decisive == ProposeConfig(source="contour", sam=EVERYTHING).decisive
    grid = ProposeConfig(source="sam+contour", sam=EVERYTHING)
    assert grid.decisive != ProposeConfig(source="sam+contour").decisive
    assert {"sam", "contour", "model", "checkpoint"} <= grid.decisive.keys()
    pointed = ProposeConfig(source="sam", prompts="file.csv")
    assert pointed.decisive == pointed.model_copy(update={"sam": grid.sam}).decisive


def test_setup_builds_nothing():
    assert sam.setup(ProposeConfig(source="sam"), "cuda:1") == "cuda:1"
