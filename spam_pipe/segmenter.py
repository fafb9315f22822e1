"""The models of the method, held for many images."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spam_pipe.nested import Hierarchy
from spam_pipe.pictures import Bands, as_inputs
from spam_pipe.pipeline.device import resolve_device
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.kernels import require_kernels
from spam_pipe.priors import Factors, Prior, as_factors, known_prior, masks_of, options_of
from spam_pipe.stages.attention.config import AttentionConfig
from spam_pipe.stages.base import Inputs, Output, StageConfig
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.methods.baselines.config import NestedConfig
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.deep_features import first_channels
from spam_pipe.stages.networks.memory import forward
from spam_pipe.stages.prior.cut import contour_of, objects_for
from spam_pipe.stages.registry import stage
from spam_pipe.stages.segment.stored import labels_of
from spam_pipe.stages.validity import filled_inputs

COMPACTNESS = 6.0
"""The compactness for deep features (`stages.clustering.balance`)."""


class Segmenter:
    """Superpixels of many images with the same options.

    The networks are loaded and the kernels compiled when it is made, which takes seconds; each
    image then takes a fraction of one. It may be shared by threads. What the networks said of the
    last two images stays in memory, so that asking for another number of superpixels, for the
    objects or the features of the same image is quick.

    Parameters
    ----------
    prior
        What the superpixels keep to: ``"contour"`` (objects between the contours that the
        network sees), ``"gradient"`` (between changes of colour) or ``"none"``. Objects of your
        own are given with each image.
    compactness
        Weight of the position: higher is more regular.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``. One that is not there is an error.

    Raises
    ------
    ValueError
        When an option means nothing, or the device is not there.

    Examples
    --------
    >>> import numpy as np
    >>> from spam_pipe import Segmenter
    >>> segmenter = Segmenter(prior="gradient")
    >>> image = np.zeros((40, 60), np.float32)
    >>> image[:, 30:] = 0.8
    >>> [int(segmenter.segment(image, k, channel_axis=None).max()) + 1 for k in (2, 10, 50)]
    [2, 10, 50]
    """

    def __init__(
        self,
        *,
        prior: str = "contour",
        compactness: float = COMPACTNESS,
        device: str = "auto",
    ) -> None:
        if not isinstance(prior, str):
            raise ValueError("objects of your own belong to an image: give them to segment()")
        if not (np.isfinite(compactness) and compactness >= 0):
            raise ValueError(f"compactness is a number of at least 0, not {compactness}")
        self._prior = known_prior(prior)
        self._device = _resolved(device)
        self._config = SegmentConfig(compactness=float(compactness))
        require_kernels()
        _resources("segment", self._config, self._device)
        proposed, objects = options_of(self._prior)
        _resources("propose", proposed, self._device)
        _resources("prior", objects, self._device)

    def segment(
        self,
        image: ArrayLike,
        n_superpixels: int = 400,
        *,
        prior: Prior | None = None,
        mask: ArrayLike | None = None,
        factors: Factors | None = None,
        channel_axis: int | None = -1,
        bands: Bands = None,
        start_label: int = 0,
    ) -> NDArray[np.int64]:
        """Segment an image: see `spam_pipe.segment`; the prior is the segmenter's by default."""
        if start_label not in (0, 1):
            raise ValueError(f"start_label is 0 or 1, not {start_label}")
        count = _checked_count("n_superpixels", n_superpixels)
        inputs, config = self._prepared(
            image, prior, mask, factors, channel_axis, bands, self._config
        )
        resources = _resources("segment", self._config, self._device)
        made = next(stage("segment").run(inputs, config, resources, (count,)))
        labels = labels_of(made)
        return labels.astype(np.int64) + start_label

    def hierarchy(
        self,
        image: ArrayLike,
        n_finest: int = 1000,
        *,
        prior: Prior | None = None,
        mask: ArrayLike | None = None,
        factors: Factors | None = None,
        channel_axis: int | None = -1,
        bands: Bands = None,
    ) -> Hierarchy:
        """Nest superpixels: see `spam_pipe.hierarchy`; the prior is the segmenter's by default."""
        nested = NestedConfig(finest=_checked_count("n_finest", n_finest))
        update = {"method": "spam-nested", "spam_nested": nested}
        config = self._config.model_copy(update=update)
        inputs, config = self._prepared(image, prior, mask, factors, channel_axis, bands, config)
        resources = _resources("hierarchy", self._config, self._device)
        made = next(stage("hierarchy").run(inputs, config, resources, (None,)))
        labels = labels_of(made)
        return Hierarchy(labels, made.arrays["parents"], made.arrays["altitudes"])

    def objects(
        self,
        image: ArrayLike,
        n_superpixels: int | None = None,
        *,
        prior: Prior | None = None,
        mask: ArrayLike | None = None,
        channel_axis: int | None = -1,
        bands: Bands = None,
    ) -> NDArray[np.int64]:
        """Return an image's objects: see `spam_pipe.objects`."""
        count = None if n_superpixels is None else _checked_count("n_superpixels", n_superpixels)
        prior = self._prior if prior is None else known_prior(prior)
        inputs = as_inputs(image, mask, channel_axis, bands)
        found = self._objects(inputs, prior)
        if found is None:
            whole = np.ones(_shape(inputs), np.int64)
            return whole if inputs.valid is None else whole * inputs.valid
        if "objects" not in found.arrays:
            raise ValueError(
                f"an image of {_shape(inputs)} is too large for objects of the whole: cut it into "
                "tiles, or give a prior of your own"
            )
        finest = found.arrays["objects"]
        cut = None
        if count is not None:
            cut = objects_for(found.arrays, contour_of(found.arrays), count, self._config)
        objects = (finest if cut is None else cut).astype(np.int64)
        return objects if inputs.valid is None else objects * inputs.valid

    def features(
        self,
        image: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        channel_axis: int | None = -1,
        bands: Bands = None,
    ) -> NDArray[np.float32]:
        """Return what the network sees: see `spam_pipe.features`."""
        inputs = filled_inputs(as_inputs(image, mask, channel_axis, bands))
        assert inputs.image is not None
        model = self._config.deep_model(self._device)
        assert model is not None
        lab = rgb_to_lab(inputs.image)
        # The remembered array is shared: the caller gets a copy.
        seen = forward(model, inputs.image_digest, lab).deep
        deep = first_channels(seen, self._config.channels).copy()
        if inputs.valid is not None:
            deep[~inputs.valid] = np.nan
        return deep

    def _prepared(
        self,
        image: ArrayLike,
        prior: Prior | None,
        mask: ArrayLike | None,
        factors: Factors | None,
        channel_axis: int | None,
        bands: Bands,
        config: SegmentConfig,
    ) -> tuple[Inputs, SegmentConfig]:
        """Return what a stage reads of an image, its prior's objects found, and its options."""
        prior = self._prior if prior is None else known_prior(prior)
        inputs = as_inputs(image, mask, channel_axis, bands)
        if factors is not None:
            wanted = as_factors(factors, prior, _shape(inputs))
            inputs = replace(inputs, attention=wanted)
            # The stage takes factors that it is given: the name of a file is the pipeline's.
            attention = AttentionConfig(mode="file", file="given")
            config = config.model_copy(update={"attention": attention})
        found = self._objects(inputs, prior)
        if found is not None:
            inputs = replace(inputs, upstream={"prior": {None: found}})
        return inputs, config

    def _objects(self, inputs: Inputs, prior: Prior) -> Output | None:
        if isinstance(prior, str) and prior == "none":
            return None
        proposed, objects = options_of(prior)
        inputs = replace(inputs, masks=masks_of(prior, _shape(inputs)))
        resources = _resources("propose", proposed, self._device)
        proposal = next(stage("propose").run(inputs, proposed, resources, (None,)))
        inputs = replace(inputs, upstream={"propose": {None: proposal}})
        resources = _resources("prior", objects, self._device)
        return next(stage("prior").run(inputs, objects, resources, (None,)))


@cache
def _resources(name: str, config: StageConfig, device: str) -> Any:
    """Build a stage's models and kernels once per process."""
    return stage(name).setup(config, device)


def _resolved(device: str) -> str:
    try:
        return resolve_device(device)
    except UserError as error:
        raise ValueError(str(error).replace("--device ", "device ")) from error


def _shape(inputs: Inputs) -> tuple[int, int]:
    assert inputs.image is not None
    height, width = inputs.image.shape[:2]
    return height, width


def _checked_count(name: str, count: int) -> int:
    if int(count) != count or count < 1:
        raise ValueError(f"{name} is a whole number of at least 1, not {count}")
    return int(count)
