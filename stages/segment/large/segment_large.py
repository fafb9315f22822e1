"""Superpixels of an image that is too large to be segmented as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.base import Arrays, Inputs
from spam_pipe.stages.clustering.balance import resolve_balance
from spam_pipe.stages.clustering.features import position_scale
from spam_pipe.stages.clustering.spam import spam
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.deferred import BY_BLOCKS, WINDOW_PIXELS, Recipe
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.deep_features import with_deep_features
from spam_pipe.stages.prior.cut import contour_of, objects_for
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects
from spam_pipe.stages.scene import Scene
from spam_pipe.stages.segment.large.mosaic import Found, segment_by_windows
from spam_pipe.stages.segment.large.scale import (
    enlarge_labels,
    reduce_bands,
    reduce_image,
    reduce_map,
    reduction_for,
    settle,
)
from spam_pipe.stages.segment.large.tiling import Box
from spam_pipe.stages.segment.large.window_objects import without_specks
from spam_pipe.stages.segment.large.window_prior import make_prior
from spam_pipe.stages.validity import check_valid, fill_outside, window_of


class Large(NamedTuple):
    """Superpixels of a large image."""

    # (H, W) int32 in 0..n-1 in the order of their first pixels, each 4-connected; -1 where the
    # image has no data
    labels: Labels
    # (H, W) int32 that no superpixel crosses, 0 = uncertain; None without a prior
    objects: Objects | None
    n_windows: int  # how many windows it was put together from
    reduction: int  # by what factor the image was reduced before


def segment_large(inputs: Inputs, n_superpixels: int, config: SegmentConfig, device: str) -> Large:
    """Segment an image by blocks, at the resolution that its superpixels ask for.

    Parameters
    ----------
    inputs
        The image, its valid pixels, and what the stage ``prior`` made: objects of the whole, or
        the options by which those of a window are made.
    n_superpixels
        K ≥ 1.
    config, device
        As for the stage.

    Returns
    -------
    Its superpixels are inside of the objects. Given objects are those of the prior for this
    K; windows' own are as far as their superpixels reach.

    Raises
    ------
    ValueError
        When no pixel is valid.
    """
    image = inputs.image
    assert image is not None
    if inputs.valid is not None:
        check_valid(inputs.valid, image.shape[:2])
    prior = inputs.upstream["prior"][None] if "prior" in inputs.upstream else None
    recipe = None if prior is None else prior.attributes.get(BY_BLOCKS)
    objects = None
    if prior is not None and recipe is None:
        found = objects_for(prior.arrays, contour_of(prior.arrays), n_superpixels, config)
        objects = None if found is None else found.astype(np.int32, copy=False)
        if objects is not None and inputs.valid is not None:
            objects = np.where(inputs.valid, objects, np.int32(0))
    n_pixels = image.size // 3 if inputs.valid is None else int(np.count_nonzero(inputs.valid))
    n_superpixels = min(n_superpixels, n_pixels)
    factor = reduction_for(n_pixels, n_superpixels)
    reduced = reduce_image(image, factor)
    shape = reduced.shape[0], reduced.shape[1]
    painter = _Painter(
        reduced,
        None if inputs.valid is None else reduce_map(inputs.valid, factor),
        None if objects is None else reduce_map(objects, factor),
        recipe,
        n_superpixels,
        config,
        device,
        inputs.image_digest and f"{inputs.image_digest}/{factor}",
        None if inputs.bands is None else reduce_bands(inputs.bands, factor),
    )
    made = segment_by_windows(
        shape,
        n_superpixels,
        painter.segment,
        window_pixels=WINDOW_PIXELS,
        valid=painter.valid,
        global_objects=objects is not None,
    )
    labels, owners = made.labels, made.owners
    if factor > 1:
        labels = enlarge_labels(
            labels, reduced, image, factor, owners=owners, objects=objects, valid=inputs.valid
        )
        small = painter.minimum_area * factor**2
        labels, owners = settle(labels, owners, objects, small)
    if objects is None and recipe is not None:
        objects = np.append(owners, np.int32(0))[labels]
    return Large(labels, objects, made.n_windows, factor)


@dataclass(frozen=True)
class _Painter:
    """Segments windows of one image at one count.

    The image may be reduced; `valid` and the `objects` given for the whole are of its size.
    """

    image: NDArray[np.uint8]
    valid: NDArray[np.bool_] | None
    objects: Objects | None
    recipe: Recipe | None
    n_superpixels: int
    config: SegmentConfig
    device: str
    digest: str
    bands: NDArray[np.float32] | None = None

    @property
    def n_pixels(self) -> int:
        """Pixels that count."""
        return self.image.size // 3 if self.valid is None else int(np.count_nonzero(self.valid))

    @property
    def minimum_area(self) -> float:
        """Pixels below which a region is too small."""
        balance = resolve_balance(self.config, has_deep=self.config.deep_weights is not None)
        return balance.minimum_size * self.n_pixels / self.n_superpixels

    def segment(self, box: Box, free: NDArray[np.bool_], count: int) -> Found:
        """Segment the free pixels of a window."""
        image = self.image[box]
        if self.valid is not None:
            image = fill_outside(image, self.valid[box])
        inputs = Inputs(image=image, image_digest=self.digest and f"{self.digest}/{box}")
        prior: Arrays = {}
        objects: Objects | None = None
        if self.recipe is not None:
            prior = make_prior(inputs, self.recipe, self.device)
            # Superpixels are as dense in what is free as in the window as a whole.
            dense = round(count * free.size / np.count_nonzero(free))
            found = objects_for(prior, contour_of(prior), dense, self.config)
            if found is not None:
                objects = without_specks(found.astype(np.int32), free, self.minimum_area)
        elif self.objects is not None:
            objects = np.ascontiguousarray(self.objects[box])
        if objects is not None:
            # Of more objects than superpixels the smallest would be given up.
            n_objects = np.unique(objects[free & (objects > 0)]).size
            count = max(count, n_objects)
        scene = Scene(image, rgb_to_lab(image), contour=contour_of(prior), device=self.device)
        scene = with_deep_features(scene, count, inputs.image_digest, self.config, self.device)
        labels = spam(
            scene.lab,
            count,
            deep=scene.deep,
            bands=None if self.bands is None else self.bands[box],
            objects=objects,
            contour=scene.contour,
            valid=free,
            config=self.like_the_whole(free, count),
            device=self.device,
        )
        return Found(labels, objects)

    def like_the_whole(self, free: NDArray[np.bool_], count: int) -> SegmentConfig:
        """Return the options at which positions weigh as they would in the whole image.

        Their scale goes by the shape of the image and by whole numbers, which differ from
        window to window.
        """
        height, width, _ = self.image.shape
        coverage = self.n_pixels / (height * width)
        whole = position_scale((height, width), self.n_superpixels, 1.0, coverage)
        rows, columns = window_of(free)
        shape = rows.stop - rows.start, columns.stop - columns.start
        coverage = np.count_nonzero(free) / (shape[0] * shape[1])
        balance = resolve_balance(self.config, has_deep=self.config.deep_weights is not None)
        compactness = balance.compactness * whole / position_scale(shape, count, 1.0, coverage)
        return self.config.model_copy(update={"compactness": compactness})
