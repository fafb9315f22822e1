"""Deep features of a scene, from memory where the image was seen before."""

from dataclasses import replace

from spam_pipe.stages.clustering.features import scaled_features
from spam_pipe.stages.segment.config import SegmentConfig
from spam_pipe.stages.segment.scene import Scene


def with_deep_features(
    scene: Scene, count: int, digest: str, config: SegmentConfig, device: str
) -> Scene:
    """Add what the network says of the image; its contour is finer than any prior's."""
    if config.deep_weights is None:
        return scene
    from spam_pipe.stages.networks.memory import encoder, forward, forward_on_device

    network = encoder(config.deep_weights, device)
    stays = config.uses_torch(device)
    if network.takes_positions:
        height, width, _ = scene.lab.shape
        classical = scaled_features(scene.lab, count, coverage=scene.coverage)
        classical = classical.reshape(height, width, -1)
        compute = network.forward_on_device if stays else network.forward
        return replace(scene, deep=compute(scene.lab, classical).deep)
    recall = forward_on_device if stays else forward
    deep, contour = recall(config.deep_weights, device, digest, scene.lab)
    return replace(scene, deep=deep, contour=scene.contour if contour is None else contour)
