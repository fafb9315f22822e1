"""The methods to compare with, on images with regions that hold no data."""

import numpy as np
import pytest
from scipy import ndimage

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.names import METHODS, NEED_OPENCV
from spam_pipe.stages.segment.stage import SegmentStage
from spam_pipe.stages.segment.stored import labels_of

NAMES = [name for name in METHODS if name not in {"external", "spam-nested"}]


@pytest.mark.parametrize("method", [*NAMES, "external:OTHER"])
def test_labels_are_where_there_is_data(method: str) -> None:
    if method in NEED_OPENCV:
        pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.random((60, 80, 3)), (4, 4, 0))
    image = np.uint8(255 * (smooth - smooth.min()) / np.ptp(smooth))
    valid = ndimage.gaussian_filter(rng.random((60, 80)), 9) > 0.497
    truth = (np.arange(60)[:, None] // 13 * 9 + np.arange(80) // 11).astype(np.uint32)
    config = SegmentConfig(method=method, network="none", external="anywhere")
    inputs = Inputs(image=image, valid=valid, annotations=(truth,), external={30: truth})
    stage = SegmentStage()
    (output,) = stage.run(inputs, config, stage.setup(config, "cpu"), [30])
    labels = labels_of(output)
    assert np.array_equal(labels >= 0, valid)
    n = output.attributes["n_superpixels"]
    assert np.array_equal(np.unique(labels[valid]), np.arange(n))
    if "note" not in output.attributes and not method.startswith("external"):
        assert n == pytest.approx(30, abs=2)
