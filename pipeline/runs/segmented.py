"""An item's segmentation read back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.pipeline.items import Item, Picture
from spam_pipe.pipeline.runs.chain import Chain
from spam_pipe.pipeline.units import Unit
from spam_pipe.stages.base import Arrays, Output
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.prior.cut import contour_of, objects_for


@dataclass(frozen=True)
class Segmented:
    """An image, its superpixels and what they were made from.

    Attributes
    ----------
    item
        The image's item.
    count
        The requested number of superpixels.
    picture
        The image as it was read.
    labels
        (H, W) labels as they are stored.
    start_label
        Labels below it are outside.
    objects
        (H, W) objects that the superpixels keep to, 0 = uncertain; None without a prior.
    contour
        (H, W) contour probability of the prior; None where it has none.
    """

    item: Item
    count: int
    picture: Picture
    labels: NDArray[np.unsignedinteger[Any]]
    start_label: int
    objects: NDArray[np.integer[Any]] | None
    contour: NDArray[np.float32] | None


def read_segmented(item: Item, unit: Unit, chain: Chain, config: RunConfig) -> Segmented:
    """Gather what there is of an item.

    Raises
    ------
    DataError
        When something can't be read.
    """
    _, made = chain["segment"].store.read(item.id, unit)
    count = int(made.attributes["n_requested"])
    prior: Arrays = {}
    if "prior" in chain:
        prior = chain["prior"].store.read(item.id, None)[1].arrays
    contour = contour_of(prior)
    objects = made.arrays.get("objects")  # of a large image, found block by block
    if objects is None:
        objects = objects_for(prior, contour, count, config.segment)
    return Segmented(
        item=item,
        count=count,
        picture=item.image.picture(),
        labels=made.arrays["labels"],
        start_label=int(made.attributes.get("start_label", 0)),
        objects=objects,
        contour=contour,
    )


def shown_objects(
    prior: Output, count: int, config: object
) -> np.ndarray[tuple[int, int], np.dtype[np.integer]] | None:
    """Return the objects as the segmentation used them for a count."""
    from spam_pipe.stages.prior.cut import contour_of, objects_for

    assert isinstance(config, SegmentConfig)
    return objects_for(prior.arrays, contour_of(prior.arrays), count, config)
