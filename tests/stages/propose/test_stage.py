"""The first stage with each of its sources."""

import numpy as np
import pytest
from pydantic import ValidationError
from skimage.color import rgb2lab

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.gradient import gradient_strength
from spam_pipe.stages.propose.proposal import Proposal
from spam_pipe.stages.propose.run_lengths import RunLengths
from spam_pipe.stages.propose.source_names import SOURCES
from spam_pipe.stages.propose.sources import load_source
from spam_pipe.stages.propose.stage import ProposeStage

MASKS = ProposeConfig(source="masks", masks="folder")


def propose(config, **inputs):
    stage = ProposeStage()
    return list(stage.run(Inputs(**inputs), config, stage.setup(config, "cpu"), [None]))


def two_halves(height=12, width=20):
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 2 :] = 200
    return image


def test_every_source_can_be_loaded():
    for name in SOURCES:
        source = load_source(name)
        assert callable(source.setup)
        assert callable(source.propose)


def test_none_proposes_nothing():
    (output,) = propose(ProposeConfig(source="none"), image=two_halves())
    assert output.arrays == {}
    assert output.attributes == {"source": "none"}


def test_the_gradient_finds_two_halves():
    (output,) = propose(ProposeConfig(source="gradient"), image=two_halves())
    assert output.attributes == {"source": "gradient", "n_regions": 2}
    regions = output.arrays["regions"]
    assert (regions[:, :10] == 1).all()
    assert (regions[:, 10:] == 2).all()
    assert output.arrays["parents"].tolist() == [2, 2, 2]
    contour = output.arrays["contour"]
    assert contour.dtype == np.uint8
    assert contour[:, 9:11].min() == contour.max() > contour[:, :3].max()


def test_gradient_strength_on_a_ramp_of_greys():
    image = np.zeros((1, 40, 3), np.uint8)
    image[...] = np.arange(0, 160, 4)[None, :, None]
    slope = np.gradient(rgb2lab(image)[0, :, 0])[12:36]
    strength = gradient_strength(image, sigma=1.0, half_strength=2.0)
    assert strength.dtype == np.float32
    np.testing.assert_allclose(strength[0, 12:36], slope / (slope + 2), atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 1), (2, 2)])
def test_tiny_images(shape):
    image = np.zeros((*shape, 3), np.uint8)
    (output,) = propose(ProposeConfig(source="gradient"), image=image)
    assert output.arrays["regions"].tolist() == np.ones(shape, int).tolist()
    assert (output.arrays["contour"] == 0).all()


def test_the_users_masks_are_passed_on():
    masks = RunLengths.from_labels(two_halves()[..., 0])
    (output,) = propose(MASKS, image=two_halves(), masks=masks)
    assert output.attributes == {"source": "masks", "n_masks": 1}
    again = Proposal.from_arrays(output.arrays)
    assert again.partition is None
    assert again.contour is None
    assert np.array_equal(again.masks.mask(0), two_halves()[..., 0] > 0)


def test_an_empty_list_takes_the_images_size():
    masks = RunLengths.empty((1, 1))
    (output,) = propose(MASKS, image=two_halves(), masks=masks)
    assert Proposal.from_arrays(output.arrays).masks.size == (12, 20)
    assert output.attributes["n_masks"] == 0


def test_masks_of_another_size_are_refused():
    masks = RunLengths.from_labels(np.ones((20, 12), int))
    with pytest.raises(ValueError, match="masks are 20×12 but the image is 12×20"):
        propose(MASKS, image=two_halves(), masks=masks)


def test_masks_need_a_folder():
    with pytest.raises(ValidationError, match="needs a folder"):
        ProposeConfig(source="masks")


def test_masks_that_never_came_are_an_error():
    with pytest.raises(ValueError, match=r"propose\.masks"):
        propose(MASKS, image=two_halves())


def test_an_unknown_source_suggests_the_nearest():
    with pytest.raises(ValidationError, match="did you mean gradient"):
        ProposeConfig(source="gradeint")


def test_a_stored_contour_keeps_255_steps():
    contour = np.array([[0, 0.5, 1]], np.float32)
    arrays = Proposal(contour=contour).to_arrays()
    assert arrays["contour"].tolist() == [[0, 128, 255]]
    assert np.abs(Proposal.from_arrays(arrays).contour - contour).max() <= 0.50001 / 255
