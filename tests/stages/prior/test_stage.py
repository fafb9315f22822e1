"""The second stage on what the first one gives."""

import numpy as np
import pytest

from spam_pipe.stages.base import Inputs, Output
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.prior.stage import PriorStage
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.proposal import Proposal
from spam_pipe.stages.propose.run_lengths import RunLengths
from spam_pipe.stages.propose.stage import ProposeStage

IMAGE = np.repeat(np.array([40, 60, 200], np.uint8), 20)[None, :, None].repeat(40, 0).repeat(3, 2)
THIRDS = np.repeat([1, 2, 3], 20)[None].repeat(40, 0)


def prior(proposal, config=None, image=IMAGE):
    config = config or PriorConfig()
    arrays = proposal.to_arrays() if isinstance(proposal, Proposal) else proposal
    inputs = Inputs(image=image, upstream={"propose": {None: Output(arrays)}})
    stage = PriorStage()
    (output,) = stage.run(inputs, config, stage.setup(config, "cpu"), [None])
    return output


def test_masks_become_objects_that_merge_over_the_weakest_gradient():
    output = prior(Proposal(masks=RunLengths.from_labels(THIRDS)))
    assert output.arrays["objects"].dtype == np.uint16
    assert np.array_equal(output.arrays["objects"], THIRDS)
    assert output.arrays["parents"].tolist() == [3, 3, 4, 4, 4]
    assert output.arrays["altitudes"].dtype == np.float32
    assert "contour" not in output.arrays
    assert output.attributes == {"n_objects": 3, "uncertain": 0.0}


def test_a_contour_decides_where_there_is_one():
    contour = np.zeros(IMAGE.shape[:2], np.float32)
    contour[:, 20] = 0.8
    output = prior(Proposal(masks=RunLengths.from_labels(THIRDS), contour=contour))
    assert output.arrays["parents"].tolist() == [4, 3, 3, 4, 4]
    assert output.arrays["altitudes"].tolist() == [0, 0, 0, 0, pytest.approx(0.4)]
    assert output.arrays["contour"].max() == 204


def test_a_partition_passes_through():
    config = ProposeConfig(source="gradient")
    stage = ProposeStage()
    (proposed,) = stage.run(Inputs(image=IMAGE), config, stage.setup(config, "cpu"), [None])
    output = prior(proposed.arrays)
    assert np.array_equal(output.arrays["objects"], proposed.arrays["regions"])
    for name in ("parents", "altitudes", "contour"):
        assert np.array_equal(output.arrays[name], proposed.arrays[name])


def test_no_proposals_are_one_object():
    output = prior(Proposal())
    assert (output.arrays["objects"] == 1).all()
    assert output.arrays["parents"].tolist() == [0]
    assert output.attributes == {"n_objects": 1, "uncertain": 0.0}


def test_an_empty_list_is_one_object_and_says_so():
    output = prior(Proposal(masks=RunLengths.empty(IMAGE.shape[:2])))
    assert (output.arrays["objects"] == 1).all()
    assert "no masks were proposed" in output.attributes["note"]


def test_objects_all_too_small_are_one_object_and_say_so():
    masks = RunLengths.from_labels(THIRDS)
    output = prior(Proposal(masks=masks), PriorConfig(minimum_area=1e6))
    assert (output.arrays["objects"] == 1).all()
    assert "minimum_area" in output.attributes["note"]


def test_as_is_keeps_specks_pieces_and_gaps():
    labels = THIRDS.copy()
    labels[5, 5] = 9
    labels[30:32, :] = 0
    labels[35, 50] = 1
    output = prior(Proposal(masks=RunLengths.from_labels(labels)), PriorConfig(as_is=True))
    expected = np.select([labels == 9], [4], labels)
    found = output.arrays["objects"]
    pairs = np.unique(np.stack([found.ravel(), expected.ravel()]), axis=1)
    assert pairs.shape[1] == 5
    assert np.array_equal(found == 0, labels == 0)
    assert output.attributes["uncertain"] == pytest.approx(2 / 40)


def test_many_objects_take_four_bytes():
    height, width = 300, 300
    image = np.zeros((height, width, 3), np.uint8)
    labels = np.arange(1, height * width + 1).reshape(height, width)
    output = prior(Proposal(masks=RunLengths.from_labels(labels)), PriorConfig(as_is=True), image)
    assert output.arrays["objects"].dtype == np.uint32
    assert output.attributes["n_objects"] == height * width


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (2, 2)])
def test_tiny_images(shape):
    image = np.zeros((*shape, 3), np.uint8)
    output = prior(Proposal(masks=RunLengths.from_labels(np.ones(shape, int))), image=image)
    assert output.arrays["objects"].tolist() == np.ones(shape, int).tolist()


def test_a_proposal_of_another_image_is_refused():
    masks = RunLengths.from_labels(THIRDS.T)
    with pytest.raises(ValueError, match=r"\(60, 40\).*\(40, 60\)"):
        prior(Proposal(masks=masks))


def test_an_even_opening_is_refused():
    with pytest.raises(ValueError, match="odd"):
        PriorConfig(opening=4)
