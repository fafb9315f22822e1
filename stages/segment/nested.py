"""The hierarchy as a stage: an image and its prior in, one tree of superpixels out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from spam_pipe.stages.base import Arrays, Count, Inputs, Output
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.deferred import BY_BLOCKS
from spam_pipe.stages.hierarchy.nest import nest
from spam_pipe.stages.hierarchy.objects import Prior
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.deep_features import with_deep_features
from spam_pipe.stages.prior.cut import contour_of
from spam_pipe.stages.scene import Scene
from spam_pipe.stages.segment.stage import attention_of
from spam_pipe.stages.segment.stored import stored_labels
from spam_pipe.stages.validity import filled_inputs


class HierarchyStage:
    """One tree of superpixels per image, from which every number of them is read."""

    def setup(self, config: SegmentConfig, device: str) -> str:
        """Compile the kernels on a small scene, load the network; return the device."""
        lab = rgb_to_lab(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
        nest(lab, 4, config=config, device=device)
        model = config.deep_model(device)
        if model is not None:
            from spam_pipe.stages.networks.memory import encoder

            encoder(model)
        return device

    def run(
        self, inputs: Inputs, config: SegmentConfig, resources: str, units: Sequence[Count]
    ) -> Iterator[Output]:
        """Yield the image's hierarchy.

        Arrays: ``labels``, those of the finest level, as the segment stage has them; ``parents``
        (2n - 1,) int32 and ``altitudes`` (2n - 1,) float64 (`stages.hierarchy.nest.Nested`).
        Attributes: ``n_superpixels`` of the finest level; ``start_label`` = 1 where
        label 0 is outside; ``note``.

        Raises
        ------
        ValueError
            When there is no image, or it is too large to be segmented as a whole.
        """
        if inputs.image is None:
            raise ValueError("there is no image to segment")
        if message := too_large(inputs, config):
            raise ValueError(message)
        inputs = filled_inputs(inputs)
        assert inputs.image is not None
        found: Arrays = {}
        if "prior" in inputs.upstream:
            found = inputs.upstream["prior"][None].arrays
        scene = Scene(
            inputs.image,
            rgb_to_lab(inputs.image),
            contour=contour_of(found),
            device=resources,
            valid=inputs.valid,
            bands=inputs.bands,
        )
        wanted = config.spam_nested.finest
        count = min(wanted, scene.n_pixels)
        prior = None
        if "objects" in found:
            prior = Prior(found["objects"], found["parents"], found["altitudes"], contour_of(found))
        notes: list[str] = []
        attend = attention_of(inputs, scene, found, config)
        seen = with_deep_features(scene, count, inputs.image_digest, config, resources)
        made = nest(
            seen.lab,
            count,
            deep=seen.deep,
            bands=seen.bands,
            prior=prior,
            attention=attend,
            contour=seen.contour,
            valid=seen.valid,
            config=config,
            cut=config,
            device=resources,
        )
        if attend is not None and prior is not None:
            notes.append(attend(prior.objects, count)[1])
        if wanted > scene.n_pixels:
            notes.append(f"a finest level of {wanted} asked for, but {scene.n_pixels} pixels")
        labels, kind = stored_labels(made.labels)
        attributes: dict[str, Any] = {
            "n_requested": wanted,
            "n_superpixels": (len(made.parents) + 1) // 2,
            **kind,
        }
        if any(notes):
            attributes["note"] = "; ".join(filter(None, notes))
        arrays = {"labels": labels, "parents": made.parents, "altitudes": made.altitudes}
        yield Output(arrays, attributes)


def too_large(inputs: Inputs, config: SegmentConfig) -> str:
    """Say what to do about an image that has no hierarchy because of its size; "" for others."""
    if inputs.image is None:
        return ""
    n_pixels = inputs.image.shape[0] * inputs.image.shape[1]
    prior = inputs.upstream.get("prior")
    deferred = prior is not None and BY_BLOCKS in prior[None].attributes
    if not deferred and n_pixels <= config.block_pixels:
        return ""
    return (
        f"nested superpixels are made of the image as a whole, and {n_pixels:,} pixels are more "
        f"than segment.block_pixels = {config.block_pixels:,}: use --method spam, which works by "
        "blocks, or a smaller image"
    )
