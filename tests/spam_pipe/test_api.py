"""The public functions: what they take, what they give, and that it is what the stages make."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

import spam_pipe
from spam_pipe import Segmenter, evaluate, features, objects, segment
from spam_pipe.stages.base import Inputs
from spam_pipe.stages.clustering.balance import resolve_balance
from spam_pipe.stages.evaluate.evaluate import evaluate as measure
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.registry import stage

Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def image() -> Image:
    rng = np.random.default_rng(3)
    smooth = ndimage.gaussian_filter(rng.random((48, 64, 3)), (3, 3, 0))
    smooth[10:30, 20:50] += 0.2
    return np.uint8(255 * (smooth - smooth.min()) / np.ptp(smooth))


def test_importing_it_imports_nothing_that_computes() -> None:
    code = (
        "import sys, spam_pipe; assert 'segment' in dir(spam_pipe);"
        "print(sorted({'torch', 'numba', 'scipy', 'zarr', 'dask', 'numpy'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'slic'"):
        _ = spam_pipe.slic


@pytest.mark.parametrize("prior", ["none", "contour"])
def test_labels_are_those_of_the_stages(image: Image, prior: str) -> None:
    upstream: dict[str, Any] = {}
    for name in ("propose", "prior", "segment"):
        if prior == "none" and name != "segment":
            continue
        config = SegmentConfig() if name == "segment" else None
        if config is None:
            module = __import__(f"stages.{name}.config", fromlist=["config"])
            config = getattr(module, f"{name.capitalize()}Config")()
        units = (20,) if name == "segment" else (None,)
        resources = stage(name).setup(config, "cpu")
        inputs = Inputs(image=image, upstream=upstream)
        upstream = {name: {units[0]: next(stage(name).run(inputs, config, resources, units))}}
    labels = segment(image, 20, prior=prior)
    assert labels.dtype == np.int64
    assert np.array_equal(labels, upstream["segment"][20].arrays["labels"])


def test_the_default_compactness_is_that_of_deep_features(image: Image) -> None:
    suited = resolve_balance(SegmentConfig(), has_deep=True)
    assert suited.compactness == 6
    assert np.array_equal(segment(image, 20), segment(image, 20, compactness=6))


def test_kinds_of_images_mean_the_same(image: Image) -> None:
    labels = segment(image, 15, prior="none")
    same = {
        "float": image / 255,
        "float32": (image / 255).astype(np.float32),
        "uint16": image.astype(np.uint16) * 257,
    }
    for name, other in same.items():
        assert np.array_equal(segment(other, 15, prior="none"), labels), name
    first = np.moveaxis(image, -1, 0)
    assert np.array_equal(segment(first, 15, prior="none", channel_axis=0), labels)
    grey = image[..., 0]
    expected = segment(np.stack([grey] * 3, axis=-1), 15, prior="none")
    assert np.array_equal(segment(grey, 15, prior="none", channel_axis=None), expected)
    assert np.array_equal(segment(grey[..., np.newaxis], 15, prior="none"), expected)
    assert segment(grey > 100, 15, prior="none", channel_axis=None).max() == 14


def test_what_is_outside_of_a_mask_decides_nothing(image: Image) -> None:
    mask = np.ones(image.shape[:2], np.bool_)
    mask[:, 40:] = False
    labels = segment(image, 20, mask=mask)
    assert np.array_equal(labels >= 0, mask)
    assert np.array_equal(np.unique(labels[mask]), np.arange(20))
    assert labels[~mask].max() == -1
    unknown = np.where(mask[..., np.newaxis], image / 255, np.nan)
    assert np.array_equal(segment(unknown, 20, mask=mask), labels)
    as_skimage = segment(image, 20, mask=mask.astype(int), start_label=1)
    assert np.array_equal(as_skimage, labels + 1)
    assert np.array_equal(segment(image, 20, start_label=1), segment(image, 20) + 1)


def test_superpixels_keep_to_the_user_s_objects(image: Image) -> None:
    mine = np.ones(image.shape[:2], np.int32)
    mine[10:30, 20:50] = 7
    mine[:, 60:] = 0
    labels = segment(image, 20, prior=mine)
    assert labels.max() == 19
    assert np.intersect1d(labels[mine == 1], labels[mine == 7]).size == 0
    masks = [mine == 1, mine == 7]
    by_masks = segment(image, 20, prior=masks)
    inner = ndimage.binary_erosion(mine == 7, np.ones((5, 5)))
    outer = ndimage.binary_erosion(mine == 1, np.ones((5, 5)), border_value=1)
    assert np.intersect1d(by_masks[inner], by_masks[outer]).size == 0
    assert np.array_equal(np.unique(objects(image, prior=mine)), [0, 1, 7])
    assert np.array_equal(segment(image, 20, prior=[]), segment(image, 20, prior="none"))


def test_factors_share_superpixels_out(image: Image) -> None:
    mine = np.repeat([[5, 9]], 48, axis=0).repeat(32, axis=1)
    plain = segment(image, 20, prior=mine)
    assert np.unique(plain[mine == 9]).size == 10
    denser = segment(image, 20, prior=mine, factors={9: 4})
    assert np.unique(denser[mine == 9]).size == 16
    assert denser.max() == 19
    by_pixel = segment(image, 20, prior=mine, factors=np.where(mine == 9, 4.0, 1.0))
    assert np.array_equal(by_pixel, denser)
    visual = segment(image, 20, prior="gradient", factors="visual")
    assert visual.max() == 19


def test_factors_name_the_objects_of_the_same_number(image: Image) -> None:
    found = objects(image, 20, prior="gradient")
    assert np.array_equal(np.unique(found), np.arange(1, found.max() + 1))
    chosen = int(found[24, 32])
    by_name = segment(image, 20, prior="gradient", factors={chosen: 3})
    by_pixel = segment(image, 20, prior="gradient", factors=np.where(found == chosen, 3.0, 1.0))
    assert np.array_equal(by_name, by_pixel)
    plain = segment(image, 20, prior="gradient")
    inside = found == chosen
    assert np.unique(by_name[inside]).size > np.unique(plain[inside]).size
    beyond = int(found.max()) + 1
    with pytest.raises(ValueError, match=rf"no object {beyond} at 20 .* objects\(image, 20\)"):
        segment(image, 20, prior="gradient", factors={beyond: 3})


def test_factors_name_merged_objects_of_a_map_by_the_lowest(image: Image) -> None:
    mine = np.repeat([[30, 5, 9, 7]], 48, axis=0).repeat(16, axis=1)
    shown = objects(image, 4, prior=mine)
    kept = np.unique(shown)
    assert kept.size == 2
    for number in kept:
        assert number == mine[shown == number].min()
    merged = next(int(each) for each in (5, 7, 9, 30) if each not in kept)
    assert segment(image, 4, prior=mine, factors={int(kept[0]): 2}).max() == 3
    with pytest.raises(ValueError, match=f"no object {merged} at 4"):
        segment(image, 4, prior=mine, factors={merged: 2})


def test_objects_are_cut_for_a_number(image: Image) -> None:
    many, cut = objects(image, prior="gradient"), objects(image, 6, prior="gradient")
    assert many.dtype == np.int64
    assert 1 <= cut.max() <= 3 < many.max()
    mask = np.zeros(image.shape[:2], np.bool_)
    mask[:20] = True
    assert not objects(image, prior="gradient", mask=mask)[20:].any()
    assert np.array_equal(objects(image, prior="none", mask=mask), mask)


OTHERS = ("spam-ssn", "slic-masked", "spam-nested", "slic", "maskslic", "watershed", "snic", "grid")


@pytest.mark.parametrize("method", OTHERS)
def test_other_methods_are_the_stage_s(image: Image, method: str) -> None:
    prior = {"prior": "gradient"} if method in {"maskslic", "slic-masked"} else {}
    labels = segment(image, 12, method=method, **prior)
    assert labels.min() == 0
    if method == "spam-nested":
        assert np.array_equal(labels, spam_pipe.hierarchy(image).labels(12))
    elif not (prior or method == "spam-ssn"):
        config = SegmentConfig(method=method)
        resources = stage("segment").setup(config, "cpu")
        made = next(stage("segment").run(Inputs(image=image), config, resources, (12,)))
        assert np.array_equal(labels, made.arrays["labels"])


def test_compactness_is_the_method_s_own(image: Image) -> None:
    loose, tight = (segment(image, 20, method="snic", compactness=m) for m in (1, 90))
    assert evaluate(tight)["gr"] > evaluate(loose)["gr"]


def test_generated_masks_come_of_a_checkpoint(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = pytest.importorskip("segment_anything").sam_model_registry
    from spam_pipe.stages.propose.sam_model import model_of
    from tests.stages.propose.tiny_sam import build_tiny_sam, save_tiny_sam

    monkeypatch.setitem(registry, "vit_h", build_tiny_sam)
    weights = save_tiny_sam(tmp_path / "sam.pth")
    assert model_of(weights) == "vit_h"
    labels = segment(image, 8, prior="sam", checkpoint=weights)
    assert labels.max() == 7
    found = objects(image, 8, prior="sam", checkpoint=weights)
    assert found.shape == labels.shape
    with pytest.raises(ValueError, match="checkpoint: there is no file"):
        segment(image, 8, prior="sam", checkpoint=tmp_path / "none.pth")


def test_objects_of_a_large_image_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2001, 2000\) is too large .* tiles"):
        objects(np.zeros((2001, 2000, 3), np.uint8), prior="gradient")


def test_features_belong_to_the_caller(image: Image) -> None:
    deep = features(image)
    assert deep.dtype == np.float32
    assert deep.shape[:2] == image.shape[:2]
    kept = deep.copy()
    deep[:] = 0
    assert np.array_equal(features(image), kept)
    mask = np.zeros(image.shape[:2], np.bool_)
    mask[:, :30] = True
    masked = features(image, mask=mask)
    assert np.isnan(masked[~mask]).all()
    assert np.isfinite(masked[mask]).all()


def test_figures_are_those_of_the_stage(image: Image) -> None:
    labels = segment(image, 12, prior="none")
    truth = np.arange(48)[:, np.newaxis] // 20 + np.zeros((1, 64), int)
    expected = {"n_superpixels": 12, **measure(labels, image, [truth])}
    assert evaluate(labels, image, truth) == expected
    assert evaluate(labels, image / 255, [truth, truth]) == pytest.approx(expected)
    mask = np.arange(64) < 30
    mask = np.repeat(mask[np.newaxis], 48, axis=0)
    masked = evaluate(labels, image, truth, mask=mask)
    assert evaluate(np.where(mask, labels, -1), image, truth) == masked
    assert masked == {
        "n_superpixels": np.unique(labels[mask]).size,
        **measure(labels, image, [truth], valid=mask),
    }
    assert evaluate(labels)["asa"] is None


def test_threads_share_a_segmenter(image: Image) -> None:
    segmenter = Segmenter()
    images = [np.roll(image, shift, axis=(0, 1)) for shift in range(0, 24, 4)]
    alone = [segmenter.segment(each, 25) for each in images]
    with ThreadPoolExecutor(4) as pool:
        together = [*pool.map(lambda each: segmenter.segment(each, 25), images * 2)]
    assert all(np.array_equal(a, b) for a, b in zip(alone * 2, together, strict=True))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 4)])
def test_images_smaller_than_a_superpixel(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random((*shape, 3))
    labels = segment(image, 400)
    assert np.array_equal(np.sort(labels.ravel()), np.arange(labels.size))
    assert segment(image, 1).max() == 0


GREY = np.zeros((6, 8))
COLOR = np.zeros((6, 8, 3))
NOTHING = np.zeros((6, 8), np.bool_)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": GREY}, r"\(6, 8\) has no channels .*channel_axis=None"),
        ({"image": COLOR, "channel_axis": None}, "is no grey one"),
        ({"image": COLOR, "channel_axis": 3}, "channel_axis=3"),
        ({"image": np.zeros((6, 8, 4))}, r"RGBA give image\[..., :3\]"),
        ({"image": np.zeros((6, 8, 5), "c8")}, "complex64 is none: give integers, bool, or floats"),
        ({"image": np.full((6, 8, 5), np.inf)}, r"NaN or infinity.*isfinite\(image\).all\(axis=-1"),
        ({"image": np.zeros((0, 8, 3))}, "no pixels"),
        ({"image": COLOR.astype("M8[s]")}, "datetime64.* is none: give integers, bool, or floats"),
        ({"image": COLOR + 7}, r"lies in 0..1, this one in 7..7"),
        ({"image": COLOR * np.nan}, "holds NaN"),
        ({"mask": NOTHING}, "leaves no pixel"),
        ({"mask": np.ones((8, 6))}, r"the mask is of shape \(8, 6\) where the image is \(6, 8\)"),
        ({"mask": GREY + 2}, "True and False"),
        ({"prior": "contours"}, "did you mean contour"),
        ({"prior": 3}, "not 3"),
        ({"prior": np.ones((8, 6), int)}, r"prior is of shape \(8, 6\)"),
        ({"prior": GREY}, "holds integers"),
        ({"prior": GREY.astype(int) - 1}, "numbered from 1"),
        ({"prior": [NOTHING, NOTHING.T]}, "mask 1 of the prior"),
        ({"factors": GREY}, "positive numbers"),
        ({"factors": GREY.T + 1}, r"factors are of shape \(8, 6\)"),
        ({"factors": {1: 2}, "prior": "none"}, "prior='none' has none"),
        ({"factors": {1: -2}}, "positive numbers"),
        ({"factors": {4: 2}, "prior": np.ones((6, 8), int)}, "no object 4 at 4"),
        ({"factors": {4: 2}, "prior": [~NOTHING]}, "no object 4 at 4"),
        ({"factors": "salient"}, "numbers or 'visual', not 'salient'"),
        ({"method": "snick"}, "did you mean snic"),
        ({"method": "snic"}, "keeps to no objects"),
        ({"method": "snic", "prior": None, "factors": {1: 2}}, "method='snic' has none"),
        ({"method": "grid", "prior": None, "compactness": 3}, "grid has no compactness"),
        ({"method": "slic", "prior": None, "compactness": 0}, "compactness of slic: .*greater"),
        ({"method": "ground-truth", "prior": None}, "spam-pipe run --method ground-truth"),
        ({"method": "spam-nested", "n_superpixels": 1001}, "levels of 1 to 1000"),
        ({"checkpoint": "sam.pth"}, "a checkpoint is of sam, mobile-sam"),
        ({"prior": "hf-sam", "checkpoint": None}, "hf-sam needs|needs the package"),
        ({"n_superpixels": 0}, "at least 1, not 0"),
        ({"n_superpixels": 2.5}, "whole number"),
        ({"start_label": 2}, "0 or 1"),
        ({"compactness": -1}, "at least 0, not -1"),
        ({"device": "gpu"}, "device gpu"),
    ],
)
def test_bad_input_is_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        segment(**{"image": COLOR, "n_superpixels": 4, "prior": "gradient", **arguments})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": GREY}, "integers"),
        ({"labels": GREY.astype(int) - 1}, "no superpixel to measure"),
        ({"image": np.zeros((5, 5, 3))}, r"\(5, 5\)"),
        ({"ground_truth": np.zeros((5, 5), int)}, r"\(5, 5\)"),
        ({"mask": NOTHING}, "leaves no pixel"),
    ],
)
def test_bad_labels_and_references(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(**{"labels": GREY.astype(int), **arguments})
