"""Nested superpixels: what holds at every level, whatever the image, prior and mask."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from spam_pipe.stages.hierarchy import nest as room
from spam_pipe.stages.hierarchy.nest import anchor_levels, nest
from spam_pipe.stages.hierarchy.objects import Prior, coarser_groups, nested_cuts, pieces_of
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.prior.aggregate import renumbered
from spam_pipe.stages.regions.merge_tree import mean_boundary_tree
from spam_pipe.stages.regions.tree import check_tree, level_of_regions

COLOUR = SegmentConfig(network="none")


@pytest.fixture
def few(monkeypatch):
    """Anchors at 6, 18, 54 …: small images have several."""
    monkeypatch.setattr(room, "FIRST_ANCHOR", 6)
    monkeypatch.setattr(room, "ANCHOR_STEP", 3)


@st.composite
def scenes(draw):
    """A small image, objects with uncertain pixels or none, a mask in pieces or none, a count."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = rng.integers(1, 25, 2)
    lab = (rng.random((height, width, 3)) * 40).astype(np.float32)
    prior = valid = None
    if draw(st.booleans()):
        valid = np.kron(rng.random((7, 7)) < 0.7, np.ones((4, 4), bool))[:height, :width]
        valid[0, 0] = True
    if draw(st.booleans()):
        blocks = rng.integers(1, 7, (5, 5))
        objects = np.kron(blocks, np.ones((5, 5), int))[:height, :width]
        objects = np.where(rng.random(objects.shape) < 0.1, 0, objects)
        objects[0, 0] = 1
        if valid is not None:
            objects = objects * valid
        objects = renumbered(objects).astype(np.uint16)
        contour = rng.random(objects.shape).astype(np.float32)
        prior = Prior(objects, *mean_boundary_tree(objects, contour), contour)
    return lab, prior, valid, draw(st.integers(1, 80))


def n_pieces(mask):
    return label(mask)[1]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(scenes())
def test_what_holds_at_every_level(few, scene):
    lab, prior, valid, wanted = scene
    made = nest(lab, wanted, prior=prior, valid=valid, config=COLOUR, cut=COLOUR)
    inside = np.ones(lab.shape[:2], bool) if valid is None else valid
    n = (len(made.parents) + 1) // 2
    pieces = n_pieces(inside)
    assert n == min(wanted, inside.sum()) or n == pieces > wanted
    assert (made.labels[~inside] == -1).all()
    check_tree(made.parents, made.altitudes)
    assert (np.diff(made.altitudes[n:]) > 0).all()
    above = None
    for k in range(n, 0, -1):
        lookup = level_of_regions(made.parents, k)
        labels = np.where(inside, lookup[made.labels], -1)
        # Exactly k of them, numbered by their finest labels, each a union of finer ones.
        assert np.unique(labels[inside]).tolist() == list(range(k))
        if k >= pieces:
            assert all(n_pieces(labels == each) == 1 for each in range(k))
        if above is not None:
            pairs = np.unique(np.stack([above[inside], labels[inside]]), axis=1)
            assert len(pairs.T) == k + 1
        above = labels


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(scenes())
def test_no_region_crosses_an_object_that_is_kept(few, scene):
    lab, prior, valid, wanted = scene
    if prior is None:
        return
    made = nest(lab, wanted, prior=prior, valid=valid, config=COLOUR, cut=COLOUR)
    n = (len(made.parents) + 1) // 2
    levels = anchor_levels(min(wanted, lab[..., 0].size if valid is None else int(valid.sum())))
    cut = next(nested_cuts(prior, levels[:1], COLOUR))
    inside = np.ones(lab.shape[:2], bool) if valid is None else valid
    certain = (cut.objects > 0) & inside
    objects = np.where(certain, cut.objects, 0)
    # Pieces of objects may alone be more than a level has regions: objects merge sooner then.
    kept = sum(n_pieces(objects == each) for each in range(1, objects.max() + 1))
    areas, n_areas = label(inside)
    kept += n_areas - np.unique(areas[certain]).size
    for k in range(max(kept, levels[0]), n + 1):
        labels = level_of_regions(made.parents, k)[made.labels]
        pairs = np.unique(np.stack([labels[certain], objects[certain]]), axis=1)
        assert len(np.unique(pairs[0])) == len(pairs.T)


@settings(max_examples=30, deadline=None)
@given(scenes())
def test_cuts_are_nested(scene):
    _, prior, _, _ = scene
    if prior is None:
        return
    cuts = list(nested_cuts(prior, [4, 9, 30], SegmentConfig(rho=1.0, tau=0.4)))
    for coarse, fine in pairwise(cuts):
        pairs = np.unique(np.stack([fine.mapping[1:], coarse.mapping[1:]]), axis=1)
        assert len(pairs.T) == fine.mapping.max()
    groups = np.arange(cuts[0].mapping.max() + 1)
    for count in (4, 3, 2, 1):
        coarser = coarser_groups(prior, cuts[0], count, 1.0)
        pairs = np.unique(np.stack([groups[1:], coarser[1:]]), axis=1)
        assert len(pairs.T) == len(np.unique(groups[1:]))
        groups = coarser
    assert len(np.unique(groups[1:])) == 1


def test_the_same_hierarchy_every_time(few):
    lab = np.random.default_rng(1).random((30, 40, 3)).astype(np.float32) * 50
    first, second = (nest(lab, 60, config=COLOUR, cut=COLOUR) for _ in range(2))
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.parents, second.parents)


def test_levels_follow_contours_and_factors(few):
    """Two halves of one colour each: they part last; and the half with a factor has more."""
    lab = np.zeros((40, 60, 3), np.float32)
    lab[:, 30:] = 60
    lab += np.random.default_rng(0).normal(0, 1, lab.shape).astype(np.float32)
    objects = np.repeat([[1] * 30 + [2] * 30], 40, axis=0).astype(np.uint16)
    prior = Prior(objects, *mean_boundary_tree(objects, np.ones(objects.shape, np.float32)))
    made = nest(lab, 40, prior=prior, config=COLOUR, cut=COLOUR)
    two = level_of_regions(made.parents, 2)[made.labels]
    assert np.array_equal(two, objects - 1)
    even, denser = (
        nest(lab, 40, prior=prior, attention=attention, config=COLOUR, cut=COLOUR)
        for attention in (None, lambda objects, count: (np.array([4.0, 1.0]), ""))
    )
    for k in (10, 20, 40):
        left = [
            np.unique(level_of_regions(each.parents, k)[each.labels][:, :30]).size
            for each in (even, denser)
        ]
        assert left[1] > 1.4 * left[0]


def test_pieces_of_objects_keep_to_the_coarser_regions():
    coarser = np.repeat([[0, 0, 0, 1, 1, 1]], 3, axis=0).astype(np.int32)
    objects = np.repeat([[1, 1, 0, 0, 2, 2]], 3, axis=0)
    prior = Prior(objects.astype(np.uint16), np.array([2, 2, 2], np.int32), np.zeros(3, np.float32))
    cut = next(nested_cuts(prior, [10], COLOUR))
    pieces = pieces_of(cut.objects, coarser)
    assert len(np.unique(pieces)) == 2
    assert np.array_equal(pieces[0] == pieces[0, 0], [True, True, True, False, False, False])


def test_anchors_are_far_apart():
    assert anchor_levels(1000) == [100, 400, 1000]
    assert anchor_levels(150) == [150]
    assert anchor_levels(7) == [7]
    assert anchor_levels(800) == [100, 400, 800]


def test_one_pixel():
    made = nest(np.zeros((1, 1, 3), np.float32), 10, config=COLOUR, cut=COLOUR)
    assert made.labels.tolist() == [[0]]
    assert made.parents.tolist() == [0]


@pytest.mark.parametrize(
    ("count", "config", "message"),
    [
        (0, COLOUR, "at least one superpixel, not 0"),
        (5, SegmentConfig(network="none", mode="paper"), "refined mode"),
    ],
)
def test_what_cannot_be_nested(count, config, message):
    with pytest.raises(ValueError, match=message):
        nest(np.zeros((8, 8, 3), np.float32), count, config=config)
