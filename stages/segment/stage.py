"""The segmentation as a stage: an image and its prior in, labels for each count out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.attention.attend import Attention, user_attention, visual_attention
from spam_pipe.stages.base import Arrays, Count, Inputs, Output
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.deferred import BY_BLOCKS
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.deep_features import with_deep_features
from spam_pipe.stages.methods.names import COMPILED, NESTED, require_extra
from spam_pipe.stages.methods.registry import Method, find_method
from spam_pipe.stages.prior.cut import contour_of, objects_for
from spam_pipe.stages.scene import Scene
from spam_pipe.stages.segment.drawn import with_drawn
from spam_pipe.stages.segment.levels import levels_of
from spam_pipe.stages.segment.stored import stored_labels
from spam_pipe.stages.validity import filled_inputs


@dataclass(frozen=True)
class Resources:
    """Objects made once per process: the method, its kernels compiled, and the device.

    There is no method where superpixels are levels of a hierarchy, a stage of its own.
    """

    method: Method | None
    device: str


class SegmentStage:
    """Superpixels of an image, once per requested number."""

    def setup(self, config: SegmentConfig, device: str) -> Resources:
        """Find the method and compile its kernels on a small scene.

        Raises
        ------
        ValueError
            When the method is unknown, needs what is not installed, or more deep channels are asked
        for than the weights have.
        """
        if config.method in NESTED:
            return Resources(None, device)
        method = find_method(config.method)
        require_extra(config.method)
        config = config.resolved
        gray = np.zeros((8, 8, 3), np.uint8)
        truth = (np.zeros((8, 8), np.uint32),)
        small = Scene(gray, rgb_to_lab(gray), device=device, annotations=truth)
        if config.method in COMPILED:
            method(small, 4, config)
        model = config.deep_model(device)
        if model is not None:
            from spam_pipe.stages.networks.memory import encoder

            encoder(model)
            if config.channels is not None:  # whether the weights have them
                with_deep_features(small, 4, "", config, device)
        return Resources(method, device)

    def run(
        self, inputs: Inputs, config: SegmentConfig, resources: Resources, units: Sequence[Count]
    ) -> Iterator[Output]:
        """Yield ``labels``, (H, W) uint16 (uint32 above 65,535 labels), for each count.

        They are 0..n-1; where some pixels hold no data, 0 there and 1..n elsewhere, and the
        attribute ``start_label`` is 1 (`stages.segment.stored.labels_of` reads both).

        Levels of a hierarchy are read of ``hierarchy``, which knows of prior and attention. Else
        reads of the prior, where there is one: ``objects`` (H, W), 0 = uncertain; their merge
        tree ``parents`` and ``altitudes``; optionally ``contour``, (H, W) uint8, 255 = certain.
        Where the user drew objects, ``objects`` that the labels keep to come with them.

        Attributes say what was asked for and made: ``n_requested``, ``n_superpixels``,
        ``n_objects``, what the method says of itself, and a ``note`` where the count is not
        what was asked for or attention has something to say.
        """
        if inputs.image is None:
            raise ValueError("there is no image to segment")
        config = config.resolved
        if config.method in NESTED:
            yield from levels_of(inputs, units)
            return
        method = resources.method
        assert method is not None
        if is_large(inputs, config):
            for unit in units:
                yield _segment_large(inputs, config, resources.device, unit)
            return
        inputs = filled_inputs(inputs)
        assert inputs.image is not None
        found, prior = priors_of(inputs)
        borders = contour_of(prior)
        scene = Scene(
            inputs.image,
            rgb_to_lab(inputs.image),
            contour=borders,
            device=resources.device,
            annotations=inputs.annotations,
            external=inputs.external,
            valid=inputs.valid,
            bands=inputs.bands,
        )
        attention = attention_of(inputs, scene, found, config)
        for unit in units:
            if unit is None or unit < 1:
                raise ValueError(f"at least one superpixel must be asked for, not {unit}")
            count = min(unit, scene.n_pixels)
            objects = objects_for(prior, borders, count, config)
            if objects is not None and inputs.valid is not None:
                objects = np.where(inputs.valid, objects, 0)
            density, notes = None, []
            if attention is not None and objects is not None:
                density, said = attention(objects, count)
                notes.append(said)
            seen = with_deep_features(scene, count, inputs.image_digest, config, resources.device)
            seen = replace(seen, objects=objects, density=density)
            made = method(seen, count, config)
            n = int(made.labels.max()) + 1
            labels, kind = stored_labels(made.labels)
            attributes: dict[str, Any] = {
                "n_requested": unit,
                "n_superpixels": n,
                "n_objects": 0 if objects is None else int(objects.max()),
                **kind,
                **made.attributes,
            }
            notes.append(made.attributes.get("note", ""))
            if unit > scene.n_pixels:
                notes.append(f"{unit} superpixels asked for, but {scene.n_pixels} pixels")
            elif n > unit and config.uses_prior:
                notes.append(
                    f"{n} superpixels where {unit} were asked for: every separate piece of what is "
                    "valid, or of an object, has one of its own"
                )
            if any(notes):
                attributes["note"] = "; ".join(filter(None, notes))
            arrays: dict[str, NDArray[Any]] = {"labels": labels}
            if objects is not None and prior is not found:
                arrays["objects"] = objects  # the prior alone doesn't tell them
            yield Output(arrays, attributes)


def priors_of(inputs: Inputs) -> tuple[Arrays, Arrays]:
    """Return an image's prior as it was found, and with the objects that the user drew."""
    if "prior" not in inputs.upstream:
        return {}, {}
    found = inputs.upstream["prior"][None].arrays
    if "objects" not in found or inputs.attention is None:
        return found, found
    return found, with_drawn(found, inputs.attention.drawn)


def _segment_large(inputs: Inputs, config: SegmentConfig, device: str, unit: Count) -> Output:
    """Return labels made by blocks and, beside them, the objects that the blocks found."""
    from spam_pipe.stages.segment.large.segment_large import segment_large

    if unit is None or unit < 1:
        raise ValueError(f"at least one superpixel must be asked for, not {unit}")
    made = segment_large(inputs, unit, config, device)
    labels, kind = stored_labels(made.labels)
    arrays: dict[str, NDArray[Any]] = {"labels": labels}
    n_objects = 0 if made.objects is None else int(made.objects.max())
    if made.objects is not None:
        arrays["objects"] = made.objects.astype(np.uint16 if n_objects <= 65535 else np.uint32)
    attributes: dict[str, Any] = {
        "n_requested": unit,
        "n_superpixels": int(made.labels.max()) + 1,
        "n_objects": n_objects,
        "n_windows": made.n_windows,
        "reduction": made.reduction,
        **kind,
    }
    return Output(arrays, attributes)


def attention_of(
    inputs: Inputs, scene: Scene, prior: Arrays, config: SegmentConfig
) -> Attention | None:
    """Return what gives the objects their density; None where nothing makes them differ.

    Clicks and object ids mean the objects of the prior as it was found, without drawn ones.

    Raises
    ------
    ValueError
        When there are no objects that attention could speak of.
    """
    wanted = config.attention
    if wanted.mode == "none" or (wanted.mode == "file" and inputs.attention is None):
        return None
    if "objects" not in prior:
        raise ValueError("attention needs the objects of a prior: choose one with --prior")
    if wanted.mode == "visual":
        checkpoint = inputs.attention_checkpoint
        return visual_attention(scene.image, scene.lab, wanted, checkpoint, scene.device)

    def objects_at(count: int) -> NDArray[np.integer]:
        cut = objects_for(prior, contour_of(prior), count, config)
        return prior["objects"] if cut is None else cut

    return user_attention(inputs.attention, prior["objects"], objects_at)


def is_large(inputs: Inputs, config: SegmentConfig) -> bool:
    """Say whether an image is segmented by blocks.

    Raises
    ------
    ValueError
        When it is too large for what is asked for.
    """
    if inputs.image is None:
        return False
    n_pixels = inputs.image.shape[0] * inputs.image.shape[1]
    prior = inputs.upstream.get("prior")
    deferred = prior is not None and BY_BLOCKS in prior[None].attributes
    if config.method not in NESTED | {"spam"}:
        if deferred:
            raise ValueError(
                f"{config.method} needs the objects of the whole image, and {n_pixels:,} pixels "
                "are too many for these: use --method spam, --prior masks or none"
            )
        return False
    large = deferred or n_pixels > config.block_pixels
    if large and config.attention.mode != "none":
        raise ValueError(
            f"attention is for images that are segmented as a whole, and this one has "
            f"{n_pixels:,} pixels: use --attention none or a smaller image"
        )
    return large
