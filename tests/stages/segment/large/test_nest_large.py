"""Hierarchies by blocks: one tree over a small image with small windows."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from spam_pipe.stages.base import Count, Inputs, Output
from spam_pipe.stages.hierarchy.objects import nested_cuts, prior_of
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.regions.tree import check_tree, level_of_regions, tree_of_merges
from spam_pipe.stages.segment.levels import levels_of
from spam_pipe.stages.segment.nested import HierarchyStage
from spam_pipe.stages.segment.stored import labels_of
from spam_pipe.stages.sharing import at_most
from tests.stages.segment.large.test_segment_large import IMAGE, SMALL, deferred, whole_gradient

ROOM = "spam_pipe.stages.segment.large"


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("segment_large", "nest_large"):
        monkeypatch.setattr(f"{ROOM}.{module}.WINDOW_PIXELS", SMALL)


def run(inputs: Inputs, finest: int, **options: Any) -> Output:
    given = {"network": "none", "block_pixels": SMALL, **options}
    config = SegmentConfig(method="spam-nested", spam_nested={"finest": finest}, **given)
    return next(HierarchyStage().run(inputs, config, "cpu", (None,)))


def inside() -> NDArray[np.bool_]:
    """A disc in two pieces."""
    rows, columns = np.indices(IMAGE.shape[:2])
    valid = (rows - 100) ** 2 + (columns - 160) ** 2 < 130**2
    valid[50:60] = False
    return valid


def given(valid: NDArray[np.bool_] | None) -> dict[str, dict[Count, Output]]:
    """Objects of the whole image and their tree, without contours."""
    (found,) = whole_gradient(valid)["prior"].values()
    arrays = {name: array for name, array in found.arrays.items() if name != "contour"}
    return {"prior": {None: Output(arrays)}}


@pytest.mark.parametrize("finest", [8, 500])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("prior", ["none", "deferred", "given"])
def test_what_holds_at_every_level(prior: str, masked: bool, finest: int) -> None:
    """Exact counts, nested and 4-connected; windows are many, or the image is reduced."""
    valid = inside() if masked else None
    upstream: dict[str, dict[Count, Output]] = {
        "none": {},
        "deferred": deferred(),
        "given": given(valid),
    }[prior]
    made = run(Inputs(image=IMAGE, upstream=upstream, valid=valid), finest)
    assert made.attributes["n_windows"] > 1
    assert made.attributes["reduction"] == (1 if finest == 500 or masked else 2)
    labels, parents = labels_of(made), made.arrays["parents"]
    check_tree(parents, made.arrays["altitudes"])
    assert np.array_equal(labels >= 0, np.ones_like(labels, bool) if valid is None else valid)
    n = made.attributes["n_superpixels"]
    pieces = 1 + masked
    assert n == finest
    lookups = [level_of_regions(parents, k) for k in (n, 150, 40, 11, 3, 2) if k <= n]
    for fine, coarse in pairwise(lookups):
        assert len(np.unique(np.stack([fine, coarse]), axis=1).T) == fine.max() + 1
    for lookup in lookups:
        level = np.append(lookup, -1)[labels]
        assert np.array_equal(np.unique(level[level >= 0]), np.arange(lookup.max() + 1))
        if lookup.max() + 1 >= pieces:
            assert all(ndimage.label(level == k)[1] == 1 for k in range(lookup.max() + 1))
    if prior == "given":
        whole = prior_of(upstream["prior"][None].arrays, valid)
        assert whole is not None
        objects = next(nested_cuts(whole, [finest], SegmentConfig())).objects
        certain = (objects > 0) & (labels >= 0)
        pairs = np.unique(np.stack([labels[certain], objects[certain]]), axis=1)
        assert np.unique(pairs[0]).size == pairs.shape[1]


def test_nothing_but_the_image_decides() -> None:
    """Not from which size on there are blocks, nor how many threads there are."""
    inputs = Inputs(image=IMAGE, upstream=deferred())
    first = run(inputs, 300)
    others = [run(inputs, 300, block_pixels=5 * SMALL)]
    with at_most(1):
        others.append(run(Inputs(image=IMAGE, image_digest="0", upstream=deferred()), 300))
    for other in others:
        for name in ("labels", "parents", "altitudes"):
            assert np.array_equal(first.arrays[name], other.arrays[name])


def test_one_window_gives_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{ROOM}.nest_large.WINDOW_PIXELS", 10**6)
    parts = run(Inputs(image=IMAGE, upstream=deferred()), 300)
    whole = run(Inputs(image=IMAGE, upstream=whole_gradient()), 300, block_pixels=10**6)
    assert parts.attributes["n_windows"] == 1
    assert "n_windows" not in whole.attributes
    for name in ("labels", "parents", "altitudes"):
        assert np.array_equal(parts.arrays[name], whole.arrays[name])


def test_finer_levels_keep_to_the_windows_objects() -> None:
    """Two halves of one colour each: the border between them is one at every level that can."""
    image = np.full((180, 260, 3), 40, np.uint8)
    image[:, 130:] = 200
    image += np.random.default_rng(0).integers(0, 5, image.shape).astype(np.uint8)
    made = run(Inputs(image=image, upstream=deferred()), 400)
    half = np.repeat([[0] * 130 + [1] * 130], 180, axis=0)
    for k in (2, 9, 100, 400):
        level = level_of_regions(made.arrays["parents"], k)[made.arrays["labels"]]
        assert len(np.unique(np.stack([level.ravel(), half.ravel()]), axis=1).T) == k


def test_more_superpixels_than_sixteen_bits_count() -> None:
    n = 70_000
    merges = np.stack([np.zeros(n - 1, np.int32), np.arange(1, n, dtype=np.int32)], axis=1)
    parents = tree_of_merges(merges, n)
    finest = np.arange(n, dtype=np.uint32).reshape(250, 280)
    made = Output({"labels": finest, "parents": parents}, {"n_requested": n, "n_objects": []})
    inputs = Inputs(image=np.zeros((250, 280, 3), np.uint8), upstream={"hierarchy": {None: made}})
    fine, coarse = levels_of(inputs, [n, 60_000])
    assert np.array_equal(fine.arrays["labels"], finest)
    assert fine.arrays["labels"].dtype == np.uint32
    assert coarse.arrays["labels"].dtype == np.uint16
    assert np.unique(coarse.arrays["labels"]).size == 60_000


def test_attention_needs_the_whole_image() -> None:
    with pytest.raises(ValueError, match="attention is for images that are segmented as a whole"):
        run(Inputs(image=IMAGE, upstream=deferred()), 50, attention={"mode": "visual"})
