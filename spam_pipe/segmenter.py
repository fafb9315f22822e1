"""The models of the method, held for many images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError

from spam_pipe.nested import Hierarchy
from spam_pipe.pictures import Bands, as_inputs
from spam_pipe.pipeline.device import resolve_device
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.kernels import NESTING, require_kernels
from spam_pipe.priors import (
    Factors,
    Prior,
    factors_of_objects,
    factors_of_pixels,
    known_prior,
    masks_of,
    numbered,
    options_of,
    weights_of,
)
from spam_pipe.stages.attention.config import AttentionConfig
from spam_pipe.stages.attention.user_factors import UserFactors
from spam_pipe.stages.base import Inputs, Output, StageConfig
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.methods.baselines.config import NestedConfig
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.deep_features import first_channels
from spam_pipe.stages.methods.names import NESTED, external_name, known_method, require_extra
from spam_pipe.stages.networks.memory import forward
from spam_pipe.stages.prior.cut import contour_of, objects_for
from spam_pipe.stages.registry import stage
from spam_pipe.stages.segment.stored import labels_of
from spam_pipe.stages.validity import filled_inputs


class Segmenter:
    """Superpixels of many images with the same options.

    The networks are loaded and the kernels compiled when it is made, which takes seconds; each
    image then takes a fraction of one. It may be shared by threads. What the networks said of the
    last two images stays in memory, so that asking for another number of superpixels, for the
    objects or the features of the same image is quick.

    Parameters
    ----------
    method, compactness, checkpoint, device
        As for `spam_pipe.segment`.
    prior
        What the superpixels keep to, by name, as for `spam_pipe.segment`. Objects of your own are
        given with each image.

    Raises
    ------
    ValueError
        When an option means nothing, or what it needs is not here.

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
        method: str = "spam",
        prior: str | None = None,
        compactness: float | None = None,
        checkpoint: str | PathLike[str] | None = None,
        device: str = "auto",
    ) -> None:
        if not (prior is None or isinstance(prior, str)):
            raise ValueError("objects of your own belong to an image: give them to segment()")
        self._config = _options(method, compactness)
        self._prior: Prior = "contour" if self._config.uses_prior else "none"
        self._prior = self._known(prior)
        self._checkpoint = checkpoint
        self._device = _resolved(device)
        proposed, objects = options_of(self._prior, checkpoint)
        weights_of(proposed)
        if self._config.uses_prior:
            require_kernels()
        _resources("segment", self._config, self._device)
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
        inputs = as_inputs(image, mask, channel_axis, bands)
        if self._config.method in NESTED:
            finest = self._config.spam_nested.finest
            if count > finest:
                raise ValueError(
                    f"spam-nested has levels of 1 to {finest} superpixels: "
                    f"hierarchy(image, {count}).labels() has more"
                )
            made = self._nested(inputs, finest, prior, factors)
            return made.labels(min(count, made.n_finest), start_label=start_label)
        inputs, config = self._prepared(inputs, count, prior, factors, self._config)
        resources = _resources("segment", self._config, self._device)
        labels = labels_of(next(stage("segment").run(inputs, config, resources, (count,))))
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
        count = _checked_count("n_finest", n_finest)
        return self._nested(as_inputs(image, mask, channel_axis, bands), count, prior, factors)

    def _nested(
        self, inputs: Inputs, count: int, prior: Prior | None, factors: Factors | None
    ) -> Hierarchy:
        """Return the hierarchy of so many superpixels."""
        made_by = self._config.resolved
        if made_by.method not in {"spam", *NESTED}:
            raise ValueError(f"hierarchies are spam's: method={made_by.method!r} makes none")
        require_kernels(NESTING)
        update = {"method": "spam-nested", "spam_nested": NestedConfig(finest=count)}
        config = made_by.model_copy(update=update)
        inputs, config = self._prepared(inputs, count, prior, factors, config)
        resources = _resources("hierarchy", self._config, self._device)
        made = next(stage("hierarchy").run(inputs, config, resources, (None,)))
        labels = labels_of(made)
        return Hierarchy(labels, made.arrays["parents"], made.arrays["altitudes"])

    def objects(
        self,
        image: ArrayLike,
        n_superpixels: int = 400,
        *,
        prior: Prior | None = None,
        mask: ArrayLike | None = None,
        channel_axis: int | None = -1,
        bands: Bands = None,
    ) -> NDArray[np.int64]:
        """Return an image's objects: see `spam_pipe.objects`."""
        count = _checked_count("n_superpixels", n_superpixels)
        prior = self._known(prior)
        inputs = as_inputs(image, mask, channel_axis, bands)
        return self._numbered(inputs, self._objects(inputs, prior), prior, count)

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
        if model is None:
            raise ValueError(f"method={self._config.method!r} sees no deep features")
        lab = rgb_to_lab(inputs.image)
        # The remembered array is shared: the caller gets a copy.
        seen = forward(model, inputs.image_digest, lab).deep
        deep = first_channels(seen, self._config.channels).copy()
        if inputs.valid is not None:
            deep[~inputs.valid] = np.nan
        return deep

    def _prepared(
        self,
        inputs: Inputs,
        count: int,
        prior: Prior | None,
        factors: Factors | None,
        config: SegmentConfig,
    ) -> tuple[Inputs, SegmentConfig]:
        """Return the inputs with the prior's objects and the factors, and the stage's options."""
        prior = self._known(prior)
        found = self._objects(inputs, prior)
        if factors is not None:
            if found is None:
                who = f"prior={prior!r}" if config.uses_prior else f"method={config.method!r}"
                raise ValueError(f"factors speak of objects, and {who} has none: choose another")
            if isinstance(factors, str):
                if factors != "visual":
                    raise ValueError(f"factors are numbers or 'visual', not {factors!r}")
                attention = AttentionConfig(mode="visual")
            else:
                if isinstance(factors, Mapping):
                    objects = self._numbered(inputs, found, prior, count)
                    pixels = factors_of_objects(factors, objects, count)
                else:
                    pixels = factors_of_pixels(factors, _shape(inputs))
                inputs = replace(inputs, attention=UserFactors(pixels=pixels))
                # The stage takes factors that it is given: a file's name is the pipeline's.
                attention = AttentionConfig(mode="file", file="given")
            config = config.model_copy(update={"attention": attention})
        if found is not None:
            inputs = replace(inputs, upstream={"prior": {None: found}})
        return inputs, config

    def _known(self, prior: Prior | None) -> Prior:
        """Return the prior that is meant where none is said; ValueError where one has no use."""
        if prior is None:
            return self._prior
        if not (self._config.uses_prior or (isinstance(prior, str) and prior == "none")):
            raise ValueError(
                f"method={self._config.method!r} keeps to no objects: leave the prior out, or "
                "choose spam, spam-nested or maskslic"
            )
        return known_prior(prior)

    def _numbered(
        self, inputs: Inputs, found: Output | None, prior: Prior, count: int
    ) -> NDArray[np.int64]:
        """Return the objects as they are cut for a count, by the numbers users know them by."""
        if found is None:
            whole = np.ones(_shape(inputs), np.int64)
            return whole if inputs.valid is None else whole * inputs.valid
        if "objects" not in found.arrays:
            raise ValueError(
                f"an image of {_shape(inputs)} is too large for objects of the whole: cut it into "
                "tiles, or give a prior of your own"
            )
        height, width = _shape(inputs)
        n_pixels = height * width if inputs.valid is None else int(inputs.valid.sum())
        contour = contour_of(found.arrays)
        cut = objects_for(found.arrays, contour, min(count, n_pixels), self._config)
        return numbered(found.arrays["objects"] if cut is None else cut, prior, inputs.valid)

    def _objects(self, inputs: Inputs, prior: Prior) -> Output | None:
        if isinstance(prior, str) and prior == "none":
            return None
        named = isinstance(prior, str) and prior == self._prior
        proposed, objects = options_of(prior, self._checkpoint if named else None)
        checkpoint = weights_of(proposed)
        inputs = replace(inputs, masks=masks_of(prior, _shape(inputs)), checkpoint=checkpoint)
        resources = _resources("propose", proposed, self._device)
        proposal = next(stage("propose").run(inputs, proposed, resources, (None,)))
        inputs = replace(inputs, upstream={"propose": {None: proposal}})
        resources = _resources("prior", objects, self._device)
        return next(stage("prior").run(inputs, objects, resources, (None,)))


@cache
def _resources(name: str, config: StageConfig, device: str) -> Any:
    """Build a stage's models and kernels once per process."""
    return stage(name).setup(config, device)


def _options(method: str, compactness: float | None) -> SegmentConfig:
    """Return the options of a method; ValueError where it has not what is asked for."""
    known_method(method)
    if method == "ground-truth" or external_name(method):
        raise ValueError(
            f"{method} makes no superpixels of an image, and reads others' from files: "
            f"spam-pipe run --method {method}"
        )
    require_extra(method)
    config = SegmentConfig(method=method)
    if compactness is None:
        return config
    if not (np.isfinite(compactness) and compactness >= 0):
        raise ValueError(f"compactness is a number of at least 0, not {compactness}")
    if config.resolved.method in {"spam", *NESTED}:
        return SegmentConfig(method=method, compactness=float(compactness))
    name = method.replace("-", "_")
    own: Any = getattr(config, name, None)
    if "compactness" not in getattr(type(own), "model_fields", {}):
        raise ValueError(f"{method} has no compactness: leave it out")
    try:
        chosen = type(own)(**{**own.model_dump(), "compactness": compactness})
    except ValidationError as error:
        raise ValueError(f"compactness of {method}: {error.errors()[0]['msg']}") from error
    return config.model_copy(update={name: chosen})


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
