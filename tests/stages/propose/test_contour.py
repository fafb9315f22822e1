"""The learned prior: its proposal is the hierarchy of what the network sees, computed once."""

import numpy as np
import pytest
from skimage.segmentation import find_boundaries

from spam_pipe.pipeline.datasets.drawn.dead_leaves import draw_scene
from spam_pipe.stages.base import Inputs
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.networks import memory
from spam_pipe.stages.networks.engines import Model
from spam_pipe.stages.prior.cut import cut_objects
from spam_pipe.stages.propose import contour
from spam_pipe.stages.propose.config import ProposeConfig

CONFIG = ProposeConfig(source="contour")
TRUNK = Model("trunk", "onnxruntime", "cpu")


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, np.ndarray]:
    return draw_scene(3)


def test_regions_lie_between_the_contours(scene: tuple[np.ndarray, np.ndarray]) -> None:
    image, _ = scene
    device = contour.setup(CONFIG, "cpu")
    proposal = contour.propose(Inputs(image=image), CONFIG, device)
    assert proposal.contour is not None
    assert proposal.partition is not None
    assert proposal.contour.shape == image.shape[:2]
    assert 0 <= proposal.contour.min() < proposal.contour.max() <= 1
    tree = proposal.partition
    objects, _ = cut_objects(tree.regions, tree.parents, tree.altitudes, None, 100, 0.5, 0.0)
    assert 2 <= objects.max() <= 50
    borders = find_boundaries(objects, mode="thick")
    assert proposal.contour[borders].mean() > 2 * proposal.contour[~borders].mean()


def test_borders_of_drawn_objects_are_seen(scene: tuple[np.ndarray, np.ndarray]) -> None:
    image, truth = scene
    seen = memory.forward(TRUNK, "", rgb_to_lab(image)).contour
    assert seen is not None
    borders = find_boundaries(truth, mode="thick")
    assert seen[borders].mean() > 2 * seen[~borders].mean()


def test_one_forward_serves_proposals_and_features() -> None:
    lab = rgb_to_lab(np.random.default_rng(0).integers(0, 255, (40, 50, 3)).astype(np.uint8))
    first = memory.forward(TRUNK, "digest-of-this-image", lab)
    assert memory.forward(TRUNK, "digest-of-this-image", lab) is first
    assert memory.forward(TRUNK, "another-image", lab) is not first
    memory.forward(TRUNK, "a-third", lab)
    assert memory.forward(TRUNK, "digest-of-this-image", lab) is not first


def test_further_scales_are_averaged(scene: tuple[np.ndarray, np.ndarray]) -> None:
    image, _ = scene
    inputs = Inputs(image=image)
    config = ProposeConfig.model_validate({"contour": {"extra_scales": [1.0, 0.5]}})
    model = contour.setup(config, "cpu")
    once = contour.propose(inputs, CONFIG, model).contour
    seen = contour.propose(inputs, config, model).contour
    half = contour.contour_at_scale(memory.encoder(model), rgb_to_lab(image), 0.5)
    assert once is not None
    assert seen is not None
    np.testing.assert_allclose(seen, (2 * once + half) / 3, atol=1e-6)
    tiny = np.zeros((1, 3, 3), np.float32)
    assert contour.contour_at_scale(memory.encoder(model), tiny, 0.25).shape == (1, 3)


def test_weights_without_contours_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no such file; shipped weights: .*trunk"):
        contour.setup(ProposeConfig.model_validate({"contour": {"weights": "none-such"}}), "cpu")
