"""Images by blocks: a small image with small blocks, through the stages."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from spam_pipe.pipeline.datasets.drawn.dead_leaves import draw_scene
from spam_pipe.stages.base import Count, Inputs, Output
from spam_pipe.stages.deferred import BLOCK_PIXELS
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.prior.stage import PriorStage
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.stage import ProposeStage
from spam_pipe.stages.segment.stage import SegmentStage
from spam_pipe.stages.sharing import at_most

IMAGE = draw_scene(1)[0][:200, :300].copy()
SMALL = 10_000
"""Pixels of a window: six of them and more make the image."""


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spam_pipe.stages.segment.large.segment_large.WINDOW_PIXELS", SMALL)


def deferred(source: str = "gradient") -> dict[str, dict[Count, Output]]:
    """What the stages pass on of an image that is too large for their results."""
    empty = Inputs(image=np.broadcast_to(np.uint8(0), (BLOCK_PIXELS // 100, 101, 3)))
    config = ProposeConfig(source=source)
    (proposed,) = ProposeStage().run(empty, config, (None, None), (None,))
    inputs = Inputs(image=empty.image, upstream={"propose": {None: proposed}})
    (made,) = PriorStage().run(inputs, PriorConfig(), None, (None,))
    assert not proposed.arrays
    assert not made.arrays
    return {"prior": {None: made}}


def given(objects: NDArray[Any]) -> dict[str, dict[Count, Output]]:
    """A prior of objects for the whole image, without a merge tree."""
    return {"prior": {None: Output({"objects": objects.astype(np.uint16)})}}


def run(inputs: Inputs, units: Sequence[int], **options: Any) -> list[Output]:
    stage = SegmentStage()
    config = SegmentConfig(**{"network": "none", "block_pixels": SMALL, **options})
    return list(stage.run(inputs, config, stage.setup(config, "cpu"), units))


def check(output: Output, valid: NDArray[np.bool_] | None = None) -> None:
    """Labels without gaps, each 4-connected and in one object."""
    start = 0 if valid is None else 1
    labels = output.arrays["labels"].astype(int) - start
    inside = np.ones(labels.shape, bool) if valid is None else valid
    assert np.array_equal(labels >= 0, inside)
    n = output.attributes["n_superpixels"]
    assert np.array_equal(np.unique(labels[inside]), np.arange(n))
    assert all(ndimage.label(labels == label)[1] == 1 for label in range(n))
    if "objects" in output.arrays:
        objects = output.arrays["objects"]
        certain = objects > 0
        assert not objects[~inside].any()
        pairs = np.unique(np.stack([labels[certain], objects[certain]]), axis=1)
        assert np.unique(pairs[0]).size == pairs.shape[1]


@pytest.mark.parametrize("count", [8, 500])
@pytest.mark.parametrize("prior", ["none", "deferred", "given"])
@pytest.mark.parametrize("masked", [False, True])
def test_guarantees_hold_over_the_whole_image(prior: str, masked: bool, count: int) -> None:
    valid = None
    if masked:
        rows, columns = np.indices(IMAGE.shape[:2])
        valid = (rows - 100) ** 2 + (columns - 160) ** 2 < 130**2
        valid[50:60] = False
    truth = draw_scene(1)[1][:200, :300]
    upstream = {"none": {}, "deferred": deferred(), "given": given(truth)}[prior]
    (output,) = run(Inputs(image=IMAGE, upstream=upstream, valid=valid), [count])
    check(output, valid)
    assert output.attributes["n_requested"] == count
    assert output.attributes["reduction"] == (2 if count == 8 and not masked else 1)
    assert output.attributes["n_windows"] > 1 or count == 8
    assert ("objects" in output.arrays) == (prior != "none")
    made = output.attributes["n_superpixels"]
    if prior == "none":
        assert made == count
    elif count == 500:
        assert abs(made - count) <= 0.05 * count
    if prior == "given" and count == 500:
        inside = np.ones(truth.shape, bool) if valid is None else valid
        assert np.array_equal(output.arrays["objects"] > 0, inside)


def test_one_window_gives_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spam_pipe.stages.segment.large.segment_large.WINDOW_PIXELS", 10**6)
    whole, parts = (
        run(Inputs(image=IMAGE, upstream=upstream), [300], block_pixels=10**6)[0]
        for upstream in (whole_gradient(), deferred())
    )
    assert parts.attributes["n_windows"] == 1
    assert "n_windows" not in whole.attributes
    assert np.array_equal(whole.arrays["labels"], parts.arrays["labels"])


def whole_gradient(valid: NDArray[np.bool_] | None = None) -> dict[str, dict[Count, Output]]:
    config = ProposeConfig(source="gradient")
    stage = ProposeStage()
    inputs = Inputs(image=IMAGE, valid=valid)
    (proposed,) = stage.run(inputs, config, stage.setup(config, "cpu"), (None,))
    inputs = replace(inputs, upstream={"propose": {None: proposed}})
    return {"prior": {None: next(PriorStage().run(inputs, PriorConfig(), None, (None,)))}}


def test_results_do_not_depend_on_where_blocks_begin_to_be_used() -> None:
    inputs = Inputs(image=IMAGE, upstream=deferred())
    made = [run(inputs, [200], block_pixels=limit)[0] for limit in (SMALL, 2 * SMALL, 5 * SMALL)]
    assert {output.attributes["n_windows"] for output in made} == {24}
    for output in made[1:]:
        for name in ("labels", "objects"):
            assert np.array_equal(output.arrays[name], made[0].arrays[name])


def test_results_do_not_depend_on_threads_or_digest() -> None:
    inputs = Inputs(image=IMAGE, upstream=deferred())
    (first,) = run(inputs, [200])
    with at_most(1):
        (second,) = run(Inputs(image=IMAGE, image_digest="0", upstream=deferred()), [200])
    for name in ("labels", "objects"):
        assert np.array_equal(first.arrays[name], second.arrays[name])


def test_superpixels_do_not_follow_blocks() -> None:
    (output,) = run(Inputs(image=IMAGE), [500])
    labels = output.arrays["labels"]
    across = labels[:, 1:] != labels[:, :-1]
    # 500 superpixels ask for margins of 33 pixels: cores of 34 pixels, nine to a row.
    borders = [300 * i // 9 - 1 for i in range(1, 9)]
    assert output.attributes["n_windows"] == 54
    elsewhere = np.delete(across, borders, axis=1).mean()
    assert across[:, borders].mean() < 1.25 * elsewhere


def test_deep_features_and_contours_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spam_pipe.stages.segment.large.segment_large.WINDOW_PIXELS", 30_000)
    (output,) = run(Inputs(image=IMAGE, upstream=deferred("contour")), [100], network="trunk")
    check(output)
    assert output.attributes["n_windows"] > 1
    assert output.attributes["n_superpixels"] == 100


def test_what_needs_the_whole_image_says_so() -> None:
    inputs = Inputs(image=IMAGE, upstream=deferred())
    with pytest.raises(ValueError, match=r"maskslic needs the objects .* use --method spam"):
        run(inputs, [10], method="maskslic")
    with pytest.raises(ValueError, match=r"attention is for images .* use --attention none"):
        run(inputs, [10], attention={"mode": "visual"})
    with pytest.raises(ValueError, match=r"^sam\+contour divides .* use --prior sam or contour"):
        deferred("sam+contour")


def test_valid_pixels_that_a_smaller_image_misses_are_superpixels_of_their_own() -> None:
    valid = np.zeros(IMAGE.shape[:2], bool)
    valid[:, 100:] = valid[10:12, 20:22] = valid[100:140:2, 50] = True
    (output,) = run(Inputs(image=IMAGE, valid=valid), [4])
    check(output, valid)
    assert output.attributes["reduction"] == 2
    assert output.attributes["n_superpixels"] == 4 + 20
    with pytest.raises(ValueError, match="leaves no pixel"):
        run(Inputs(image=IMAGE, valid=np.zeros_like(valid)), [10])


def test_masks_of_a_large_image_are_made_as_a_whole() -> None:
    empty = Inputs(image=np.broadcast_to(np.uint8(0), (BLOCK_PIXELS // 100, 101, 3)))
    config = ProposeConfig(source="none")
    stage = ProposeStage()
    (proposed,) = stage.run(empty, config, stage.setup(config, "cpu"), (None,))
    assert "by_blocks" not in proposed.attributes


def test_images_up_to_the_limit_are_segmented_as_a_whole() -> None:
    (whole,) = run(Inputs(image=IMAGE), [100], block_pixels=IMAGE.size // 3)
    (parts,) = run(Inputs(image=IMAGE), [100], block_pixels=IMAGE.size // 3 - 1)
    assert "n_windows" not in whole.attributes
    assert parts.attributes["n_windows"] == 15
