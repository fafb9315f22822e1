"""The segmentation as a stage: an image and its prior in, labels for each count out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.attention.attend import Attention, user_attention, visual_attention
from stages.base import Arrays, Inputs, Output, Unit
from stages.blocks.limits import is_large
from stages.segment.config import SegmentConfig
from stages.segment.cut import cut_objects
from stages.segment.features import rgb_to_lab, scaled_features
from stages.segment.methods import COMPILED, Method, find_method, require_extra
from stages.segment.objects import largest_objects
from stages.segment.scene import Scene
from stages.segment.stored import stored_labels
from stages.validity import filled_inputs


@dataclass(frozen=True)
class Resources:
    """What is made once per process: the method, its kernels compiled, and the device."""

    method: Method
    device: str


class SegmentStage:
    """Superpixels of an image, once per requested number."""

    def setup(self, config: SegmentConfig, device: str) -> Resources:
        """Find the method and compile its kernels on a small scene.

        Raises
        ------
        ValueError
            When the method is unknown, or needs what is not installed.
        """
        method = find_method(config.method)
        require_extra(config.method)
        config = config.resolved
        if config.method in COMPILED:
            gray = np.zeros((8, 8, 3), np.uint8)
            truth = (np.zeros((8, 8), np.uint32),)
            method(Scene(gray, rgb_to_lab(gray), device=device, annotations=truth), 4, config)
        model = config.deep_model(device)
        if model is not None:
            from stages.networks.memory import encoder

            encoder(model)
        return Resources(method, device)

    def announce(self, inputs: Inputs, config: SegmentConfig, device: str) -> object:
        """Announce the forward of the network of the deep features."""
        model = config.deep_model(device)
        if model is None or is_large(inputs, config.resolved):
            return None
        from stages.networks.announced import announce

        return announce(model, inputs)

    def run(
        self, inputs: Inputs, config: SegmentConfig, resources: Resources, units: Sequence[Unit]
    ) -> Iterator[Output]:
        """Yield ``labels``, (H, W) uint16 (uint32 above 65,535 labels), for each count.

        They are 0..n-1; where some pixels hold no data, 0 there and 1..n elsewhere, and the
        attribute ``start_label`` is 1 (`stages.segment.stored.labels_of` reads both).

        Reads of the prior, where there is one: ``objects`` (H, W), 0 = uncertain; their merge
        tree ``parents`` and ``altitudes``; optionally ``contour``, (H, W) uint8, 255 = certain.

        Attributes say what was asked for and made: ``n_requested``, ``n_superpixels``,
        ``n_objects``, what the method says of itself, and a ``note`` where the count is not
        what was asked for or attention has something to say.
        """
        if inputs.image is None:
            raise ValueError("there is no image to segment")
        config = config.resolved
        if is_large(inputs, config):
            for unit in units:
                yield _segment_large(inputs, config, resources.device, unit)
            return
        inputs = filled_inputs(inputs)
        assert inputs.image is not None
        prior: Arrays = {}
        if "prior" in inputs.upstream:
            prior = inputs.upstream["prior"][None].arrays
        borders = contour_of(prior)
        scene = Scene(
            inputs.image,
            rgb_to_lab(inputs.image),
            contour=borders,
            device=resources.device,
            annotations=inputs.annotations,
            external=inputs.external,
            valid=inputs.valid,
        )
        attention = _attention_of(inputs, scene, prior, config)
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
            made = resources.method(seen, count, config)
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
            if any(notes):
                attributes["note"] = "; ".join(filter(None, notes))
            yield Output({"labels": labels}, attributes)


def _segment_large(inputs: Inputs, config: SegmentConfig, device: str, unit: Unit) -> Output:
    """Return labels made by blocks and, beside them, the objects that the blocks found."""
    from stages.segment.large import segment_large

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


def with_deep_features(
    scene: Scene, count: int, digest: str, config: SegmentConfig, device: str
) -> Scene:
    """Add what the network says of the image; its contour is finer than any prior's."""
    model = config.deep_model(device)
    if model is None:
        return scene
    from stages.networks.memory import encoder, forward, forward_on_device

    network = encoder(model)
    stays = config.uses_torch(device)
    if network.takes_positions:
        height, width, _ = scene.lab.shape
        classical = scaled_features(scene.lab, count, coverage=scene.coverage)
        classical = classical.reshape(height, width, -1)
        compute = network.forward_on_device if stays else network.forward
        return replace(scene, deep=compute(scene.lab, classical).deep)
    recall = forward_on_device if stays else forward
    seen = recall(model, digest, scene.lab)
    borders = scene.contour if seen.contour is None else seen.contour
    return replace(scene, deep=seen.deep, contour=borders)


def _attention_of(
    inputs: Inputs, scene: Scene, prior: Arrays, config: SegmentConfig
) -> Attention | None:
    """Return what gives the objects their density; None where nothing makes them differ."""
    wanted = config.attention
    if wanted.mode == "none" or (wanted.mode == "file" and inputs.attention is None):
        return None
    if "objects" not in prior:
        raise ValueError("attention needs the objects of a prior: choose one with --prior")
    if wanted.mode == "visual":
        checkpoint = inputs.attention_checkpoint
        return visual_attention(scene.image, scene.lab, wanted, checkpoint, scene.device)

    def objects_at(count: int) -> NDArray[np.integer]:
        found = objects_for(prior, contour_of(prior), count, config)
        return prior["objects"] if found is None else found

    return user_attention(inputs.attention, prior["objects"], objects_at)


def contour_of(prior: Arrays) -> NDArray[np.float32] | None:
    """Return a prior's (H, W) contour probability in 0..1, where it has one."""
    if "contour" not in prior:
        return None
    return np.asarray(prior["contour"], np.float32) / np.float32(255)


def objects_for(
    prior: Arrays, contour: NDArray[np.float32] | None, count: int, config: SegmentConfig
) -> NDArray[np.integer] | None:
    """Return a prior's (H, W) objects at a given count: its tree cut, or the largest kept."""
    objects = prior.get("objects")
    if objects is None or not objects.any():
        return None
    if config.prior_mode == "paper" or "parents" not in prior:
        return largest_objects(objects, count)[0]
    cut, _ = cut_objects(
        objects, prior["parents"], prior["altitudes"], contour, count, config.rho, config.tau
    )
    return cut
