"""One item's results read back, for every command that shows, exports or checks them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.items import Item, Picture
from spam_pipe.pipeline.runs.chain import Chain
from spam_pipe.pipeline.units import Unit
from spam_pipe.stages.base import Output
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.prior.cut import contour_of, objects_for
from spam_pipe.stages.segment.stored import objects_of, start_label_of

Objects = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Segmented:
    """An image, its superpixels and what they were made from.

    The image and the prior are read when they are asked for, once.
    """

    item: Item  # the image's item
    chain: Chain  # the stores that it was read from
    made: Output  # the output of the stage ``segment`` for one number of superpixels

    @property
    def config(self) -> SegmentConfig:
        """The options that the superpixels were made with."""
        config = self.chain["segment"].config
        assert isinstance(config, SegmentConfig)
        return config

    @property
    def count(self) -> int:
        """The requested number of superpixels: of a size, the image's own."""
        return int(self.made.attributes["n_requested"])

    @property
    def labels(self) -> NDArray[np.unsignedinteger[Any]]:
        """(H, W) labels as they are stored."""
        return self.made.arrays["labels"]

    @property
    def start_label(self) -> int:
        """Labels below it mark pixels without data."""
        return start_label_of(self.made.attributes)

    @cached_property
    def numbered(self) -> NDArray[np.unsignedinteger[Any]]:
        """(H, W) superpixels from 1 in the order of their labels, as files have them; 0: none."""
        if self.start_label == 1:
            return self.labels
        wide = self.labels.dtype if int(self.labels.max()) < 0xFFFF else np.dtype(np.uint32)
        return self.labels.astype(wide) + wide.type(1)

    @cached_property
    def picture(self) -> Picture:
        """The image as it was read."""
        return self.item.image.picture()

    @cached_property
    def prior(self) -> Output | None:
        """The output of the stage ``prior``; None for superpixels without one."""
        return _read_prior(self.item, self.chain)

    @cached_property
    def objects(self) -> Objects | None:
        """(H, W) objects that the labels keep to, 0 = uncertain; None without a prior."""
        return objects_of(self.made, self.prior, self.config)

    @property
    def finest(self) -> Objects | None:
        """(H, W) objects before the cut for a count; of an image by blocks, `objects`."""
        whole = None if self.prior is None else self.prior.arrays.get("objects")
        return self.objects if whole is None else whole

    @cached_property
    def contour(self) -> NDArray[np.float32] | None:
        """(H, W) contour probability of the prior; None where it has none."""
        return None if self.prior is None else contour_of(self.prior.arrays)


def read_segmented(item: Item, unit: Unit, chain: Chain) -> Segmented:
    """Read the superpixels of an item for one number or size of them.

    Raises
    ------
    DataError
        When they are not there or damaged.
    """
    return Segmented(item, chain, chain["segment"].store.read(item.id, unit)[1])


def read_prior_objects(item: Item, count: int | None, chain: Chain) -> Objects | None:
    """Return a prior's (H, W) objects for a count, made or not; the finest for None.

    None where an image by blocks has them only beside its superpixels. Objects are all 0 where
    the prior found none.

    Raises
    ------
    DataError
        When the prior is not there or damaged.
    """
    prior = _read_prior(item, chain)
    if prior is None or "objects" not in prior.arrays:
        return None
    config = chain["segment"].config
    assert isinstance(config, SegmentConfig)
    cut = None
    if count is not None:
        cut = objects_for(prior.arrays, contour_of(prior.arrays), count, config.resolved)
    return prior.arrays["objects"] if cut is None else cut


def _read_prior(item: Item, chain: Chain) -> Output | None:
    return chain["prior"].store.read(item.id, None)[1] if "prior" in chain else None
