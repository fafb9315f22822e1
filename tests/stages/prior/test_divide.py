"""Objects of masks divided by contours: what merges when."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.measure import label

from spam_pipe.stages.base import Inputs, Output
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.prior.cut import cut_objects
from spam_pipe.stages.prior.divide import divide
from spam_pipe.stages.prior.stage import PriorStage
from spam_pipe.stages.propose.hierarchy import volume_hierarchy
from spam_pipe.stages.propose.proposal import Proposal
from spam_pipe.stages.propose.run_lengths import RunLengths

HALVES = np.repeat([1, 2], 20)[None].repeat(40, 0)


def contour_with_lines(columns=(), rows=(), strength=0.8):
    contour = np.full(HALVES.shape, 0.05, np.float32)
    contour[:, list(columns)] = strength
    contour[list(rows)] = strength
    return contour


def test_pieces_are_where_mask_and_contour_agree_to_differ():
    contour = contour_with_lines(rows=[20])
    divided = divide(HALVES, volume_hierarchy(contour).regions, contour)
    assert divided.objects.max() == 4
    for half in (HALVES == 1, HALVES == 2):
        assert len(np.unique(divided.objects[half])) == 2
    assert divided.contour[:, 19:21].min() == 1
    assert np.array_equal(divided.contour[:, :18], contour[:, :18])


def test_a_mask_border_that_no_contour_shows_outlives_a_strong_contour():
    contour = contour_with_lines(rows=[10, 11])
    divided = divide(HALVES, volume_hierarchy(contour).regions, contour)
    tree = (divided.objects.astype(np.uint16), divided.parents, divided.altitudes)
    two, _ = cut_objects(*tree, divided.contour, 4, 0.5, 0.5)
    assert np.array_equal(two, HALVES)
    four, _ = cut_objects(*tree, divided.contour, 8, 0.5, 0.5)
    assert four.max() == 4


def test_a_sliver_between_border_and_contour_goes_before_a_real_region():
    """The contour runs two pixels beside the mask's border; a weaker one halves the mask."""
    contour = contour_with_lines(columns=[22, 23])
    contour[20:22, :22] = 0.6
    divided = divide(HALVES, volume_hierarchy(contour).regions, contour)
    tree = (divided.objects.astype(np.uint16), divided.parents, divided.altitudes)
    three, _ = cut_objects(*tree, None, 3, 1.0, 0.0)
    assert len(np.unique(three[HALVES == 1])) == 2
    assert len(np.unique(three[HALVES == 2])) == 1


def test_a_single_object_of_one_piece():
    divided = divide(np.ones((3, 4), int), np.ones((3, 4), int), np.zeros((3, 4), np.float32))
    assert divided.objects.tolist() == np.ones((3, 4), int).tolist()
    assert divided.parents.tolist() == [0]
    assert divided.altitudes.tolist() == [0]
    assert not divided.contour.any()


label_maps = arrays.arrays(np.int64, (9, 11), elements=st.integers(0, 4)).filter(np.any)


@settings(max_examples=60)
@given(
    objects=label_maps,
    strength=arrays.arrays(np.float32, (9, 11), elements=st.floats(0, 1, width=32)),
)
def test_the_tree_keeps_its_promises(objects, strength):
    regions = volume_hierarchy(strength).regions
    divided = divide(objects, regions, strength)
    pieces, parents, altitudes = divided.objects, divided.parents, divided.altitudes
    n = int(pieces.max())
    connected = label(objects, background=0, connectivity=1)
    assert np.array_equal(pieces == 0, objects == 0)
    assert parents.shape == altitudes.shape == (2 * n - 1,)
    assert (parents[:-1] > np.arange(2 * n - 2)).all()
    assert parents[-1] == 2 * n - 2
    assert (np.bincount(parents[:-1], minlength=2 * n - 1)[n:] == 2).all()
    assert (np.diff(altitudes[n:]) >= 0).all()
    for piece in range(1, n + 1):
        inside = pieces == piece
        assert label(inside, connectivity=1).max() == 1
        assert len(np.unique(connected[inside])) == len(np.unique(regions[inside])) == 1
    owner = np.zeros(n + 1, int)
    owner[pieces] = connected
    holds = [{int(each)} for each in owner[1:]] + [set() for _ in range(n - 1)]
    for node in range(2 * n - 2):
        holds[parents[node]] |= holds[node]
    n_within = 2 * n - connected.max()
    assert all(len(each) == 1 for each in holds[:n_within])
    assert all(len(each) > 1 for each in holds[n_within:])


def prior(proposal, config=None):
    image = np.zeros((*HALVES.shape, 3), np.uint8)
    inputs = Inputs(image=image, upstream={"propose": {None: Output(proposal.to_arrays())}})
    stage = PriorStage()
    config = config or PriorConfig()
    (output,) = stage.run(inputs, config, stage.setup(config, "cpu"), [None])
    return output


def both(masks, contour):
    return Proposal(masks=masks, partition=volume_hierarchy(contour), contour=contour)


def test_the_stage_divides_masks_and_makes_their_borders_contours():
    contour = contour_with_lines(rows=[20])
    output = prior(both(RunLengths.from_labels(HALVES), contour))
    assert output.attributes == {"n_objects": 4, "uncertain": 0.0}
    assert output.arrays["contour"][:, 19:21].min() == 255
    assert output.arrays["contour"][20, 0] == 204


@pytest.mark.parametrize(
    ("masks", "config", "reason"),
    [
        (RunLengths.empty(HALVES.shape), PriorConfig(), "no masks were proposed"),
        (RunLengths.from_labels(HALVES), PriorConfig(minimum_area=1e6), "no mask is larger"),
    ],
)
def test_without_objects_of_masks_contours_alone_decide_and_it_is_said(masks, config, reason):
    proposal = both(masks, contour_with_lines(rows=[20]))
    output = prior(proposal, config)
    alone = prior(Proposal(partition=proposal.partition, contour=proposal.contour))
    assert output.attributes["note"].startswith(reason)
    assert output.attributes["note"].endswith("objects by contours alone")
    for name in ("objects", "parents", "altitudes", "contour"):
        assert np.array_equal(output.arrays[name], alone.arrays[name])
