"""The hierarchy as a stage: an image and its prior in, one tree of superpixels out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from spam_pipe.stages.base import Count, Inputs, Output
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.hierarchy.nest import anchor_levels, nest
from spam_pipe.stages.hierarchy.objects import prior_of
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.nest_whole import nest_whole
from spam_pipe.stages.prior.cut import contour_of, objects_for
from spam_pipe.stages.scene import Scene
from spam_pipe.stages.segment.stage import attention_of, is_large, priors_of
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
        Attributes: ``n_superpixels`` of the finest level; ``n_objects``, pairs of a level and how
        many objects are kept from it on; ``start_label`` = 1 where label 0 is outside; ``note``;
        of a large image ``n_windows`` and ``reduction``.

        Raises
        ------
        ValueError
            When there is no image, or attention is asked for in a large one.
        """
        if inputs.image is None:
            raise ValueError("there is no image to segment")
        wanted = config.spam_nested.finest
        height, width = inputs.image.shape[:2]
        n_pixels = height * width if inputs.valid is None else int(np.count_nonzero(inputs.valid))
        count = min(wanted, n_pixels)
        objects = None
        notes: list[str] = []
        facts: dict[str, Any] = {}
        if is_large(inputs, config):
            from spam_pipe.stages.segment.large.nest_large import nest_large

            large = nest_large(inputs, count, config, resources)
            made = large.nested
            facts = {"n_windows": large.n_windows, "reduction": large.reduction}
        else:
            inputs = filled_inputs(inputs)
            assert inputs.image is not None
            found, drawn = priors_of(inputs)
            scene = Scene(
                inputs.image,
                rgb_to_lab(inputs.image),
                contour=contour_of(drawn),
                device=resources,
                valid=inputs.valid,
                bands=inputs.bands,
            )
            prior = prior_of(drawn, inputs.valid)
            attend = attention_of(inputs, scene, found, config)
            digest = inputs.image_digest
            made, _ = nest_whole(scene, count, digest, config, prior=prior, attention=attend)
            if attend is not None and prior is not None:
                notes.append(attend(prior.objects, count)[1])
            if drawn is not found:  # the prior alone doesn't tell what the first anchor keeps
                first = anchor_levels(min(count, int((made.labels >= 0).sum())))[0]
                objects = objects_for(drawn, contour_of(drawn), first, config)
        if wanted > n_pixels:
            notes.append(f"a finest level of {wanted} asked for, but {n_pixels} pixels")
        labels, kind = stored_labels(made.labels)
        attributes: dict[str, Any] = {
            "n_requested": wanted,
            "n_superpixels": (len(made.parents) + 1) // 2,
            "n_objects": made.n_objects,
            **facts,
            **kind,
        }
        if any(notes):
            attributes["note"] = "; ".join(filter(None, notes))
        arrays = {"labels": labels, "parents": made.parents, "altitudes": made.altitudes}
        if objects is not None:
            arrays["objects"] = objects
        yield Output(arrays, attributes)
