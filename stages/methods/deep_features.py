"""Deep features of a scene, from memory where the image was seen before."""

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from spam_pipe.stages.clustering.features import scaled_features
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.scene import Scene

if TYPE_CHECKING:
    from spam_pipe.stages.clustering.task import Map

DeepMap = TypeVar("DeepMap", bound="Map")
"""An array stays an array, a tensor a tensor."""

USUAL_CHANNELS = 15
"""Deep channels of D = 20, the paper's choice."""


def with_deep_features(
    scene: Scene, count: int, digest: str, config: SegmentConfig, device: str
) -> Scene:
    """Add what the network says of the image; its contour is finer than any prior's.

    Raises
    ------
    ValueError
        When more deep channels are asked for than the weights have.
    """
    model = config.deep_model(device)
    if model is None:
        return scene
    from spam_pipe.stages.networks.memory import encoder, forward, forward_on_device

    network = encoder(model)
    stays = config.uses_torch(device)
    if network.takes_positions:
        height, width, _ = scene.lab.shape
        classical = scaled_features(scene.lab, count, coverage=scene.coverage)
        classical = classical.reshape(height, width, -1)
        compute = network.forward_on_device if stays else network.forward
        deep = compute(scene.lab, classical).deep
        return replace(scene, deep=first_channels(deep, config.channels))
    recall = forward_on_device if stays else forward
    seen = recall(model, digest, scene.lab)
    deep = first_channels(seen.deep, config.channels)
    borders = scene.contour if seen.contour is None else seen.contour
    return replace(scene, deep=deep, contour=borders)


def first_channels(deep: DeepMap, wanted: int | None) -> DeepMap:
    """Return the deep features that count, of networks whose first C channels are the best C.

    Parameters
    ----------
    deep
        (H, W, C) float32, an array or a tensor.
    wanted
        How many count; by default `USUAL_CHANNELS`, or all where there are fewer.

    Returns
    -------
    (H, W, wanted) of the same kind, a view.

    Raises
    ------
    ValueError
        When more are wanted than there are.
    """
    available = deep.shape[2]
    if wanted is None:
        wanted = min(USUAL_CHANNELS, available)
    if wanted > available:
        raise ValueError(
            f"segment.channels: {wanted} deep channels asked for, the weights have {available}: "
            "ask for no more, or choose weights that have them"
        )
    chosen: DeepMap = deep[..., :wanted]
    return chosen
