"""Superpixels of an image that is too large to be segmented as a whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from spam_pipe.stages.methods.nest_whole import region_means
from spam_pipe.stages.prior.cut import contour_of, objects_for
from spam_pipe.stages.regions.label_maps import Labels
from spam_pipe.stages.regions.objects import Objects
from spam_pipe.stages.scene import Scene
from spam_pipe.stages.segment.large.mosaic import Found, Mosaic, segment_by_windows
from spam_pipe.stages.segment.large.scale import (
    enlarge_labels,
    reduce_bands,
    reduce_image,
    reduce_map,
    reduction_for,
    settle,
)
from spam_pipe.stages.segment.large.tiling import Box
from spam_pipe.stages.segment.large.window_objects import within_regions, without_specks
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
    work = Work.of(inputs, config, device, recipe).reduced(factor)
    reduced = None if objects is None else reduce_map(objects, factor)
    painter = Painter(work, reduced, n_superpixels)
    made = painter.paint()
    labels, owners = made.labels, made.owners
    if factor > 1:
        labels = enlarge_labels(
            labels, work.image, image, factor, owners=owners, objects=objects, valid=inputs.valid
        )
        n = owners.size
        labels, source = settle(labels, n, objects, work.least_area(n_superpixels) * factor**2)
        owners = np.append(owners, np.int32(0))[np.minimum(source, n)]
    if objects is None and recipe is not None:
        objects = np.append(owners, np.int32(0))[labels]
    return Large(labels, objects, made.n_windows, factor)


@dataclass(frozen=True)
class Work:
    """An image at the resolution that it is worked at, and how.

    Attributes
    ----------
    image
        (H, W, 3) uint8.
    valid
        (H, W) bool, False where it has no data.
    recipe
        The options by which a window's prior is made, where it has one of its own.
    config, device
        As for the stage.
    digest
        Of the image; empty where it has none.
    bands
        (H, W, C) float32 components of further bands, where it has any.
    """

    image: NDArray[np.uint8]
    valid: NDArray[np.bool_] | None
    recipe: Recipe | None
    config: SegmentConfig
    device: str
    digest: str
    bands: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, inputs: Inputs, config: SegmentConfig, device: str, recipe: Recipe | None) -> Work:
        """Return the work on a stage's image as it is."""
        image = inputs.image
        assert image is not None
        return cls(image, inputs.valid, recipe, config, device, inputs.image_digest, inputs.bands)

    @property
    def n_pixels(self) -> int:
        """Pixels that count."""
        return self.image.size // 3 if self.valid is None else int(np.count_nonzero(self.valid))

    def least_area(self, n_superpixels: int) -> float:
        """Return the pixels below which a region is too small at a number of superpixels."""
        balance = resolve_balance(self.config, has_deep=self.config.deep_weights is not None)
        return balance.minimum_size * self.n_pixels / n_superpixels

    def reduced(self, factor: int) -> Work:
        """Return the image reduced by a factor."""
        return replace(
            self,
            image=reduce_image(self.image, factor),
            valid=None if self.valid is None else reduce_map(self.valid, factor),
            digest=self.digest and f"{self.digest}/{factor}",
            bands=None if self.bands is None else reduce_bands(self.bands, factor),
        )


@dataclass(frozen=True)
class Painter:
    """Segments windows of an image at one count.

    Attributes
    ----------
    work
        The image.
    objects
        (H, W) int32 given for the whole, 0 = uncertain; windows' own objects divide them.
    n_superpixels
        How many the whole image is to have.
    contour
        (H, W) uint8 to write the windows' contours to, 255 = certain; then the superpixels' mean
        features are known too.
    """

    work: Work
    objects: Objects | None
    n_superpixels: int
    contour: NDArray[np.uint8] | None = None

    def paint(self) -> Mosaic:
        """Segment the image."""
        height, width, _ = self.work.image.shape
        return segment_by_windows(
            (height, width),
            self.n_superpixels,
            self.segment,
            window_pixels=WINDOW_PIXELS,
            valid=self.work.valid,
            global_objects=self.objects is not None,
        )

    def segment(self, box: Box, free: NDArray[np.bool_], count: int) -> Found:
        """Segment the free pixels of a window."""
        work = self.work
        image = work.image[box]
        if work.valid is not None:
            image = fill_outside(image, work.valid[box])
        inputs = Inputs(image=image, image_digest=work.digest and f"{work.digest}/{box}")
        least = work.least_area(self.n_superpixels)
        prior: Arrays = {}
        known = objects = None if self.objects is None else np.ascontiguousarray(self.objects[box])
        if work.recipe is not None:
            prior = make_prior(inputs, work.recipe, work.device)
            # Superpixels are as dense in what is free as in the window as a whole.
            dense = round(count * free.size / np.count_nonzero(free))
            found = objects_for(prior, contour_of(prior), dense, work.config)
            if found is not None:
                own = without_specks(found.astype(np.int32), free, least)
                objects = own
                if known is not None:
                    objects = within_regions(own, known, free, least)
        if objects is not None:
            # Of more objects than superpixels the smallest would be given up.
            n_objects = np.unique(objects[free & (objects > 0)]).size
            count = max(count, n_objects)
        scene = Scene(
            image,
            rgb_to_lab(image),
            contour=contour_of(prior),
            device=work.device,
            bands=None if work.bands is None else work.bands[box],
        )
        scene = with_deep_features(scene, count, inputs.image_digest, work.config, work.device)
        labels = spam(
            scene.lab,
            count,
            deep=scene.deep,
            bands=scene.bands,
            objects=objects,
            contour=scene.contour,
            valid=free,
            config=self.like_the_whole(free, count),
            device=work.device,
        )
        means = None
        if self.contour is not None:
            means = region_means(scene, labels, work.config)
            if scene.contour is not None:
                seen = np.rint(255 * np.asarray(scene.contour)).astype(np.uint8)
                self.contour[box] = np.where(free, seen, self.contour[box])
        return Found(labels, objects if known is None else known, means)

    def like_the_whole(self, free: NDArray[np.bool_], count: int) -> SegmentConfig:
        """Return the options at which positions weigh as they would in the whole image.

        Their scale goes by the shape of the image and by whole numbers, which differ from
        window to window.
        """
        config = self.work.config
        height, width, _ = self.work.image.shape
        coverage = self.work.n_pixels / (height * width)
        whole = position_scale((height, width), self.n_superpixels, 1.0, coverage)
        rows, columns = window_of(free)
        shape = rows.stop - rows.start, columns.stop - columns.start
        coverage = np.count_nonzero(free) / (shape[0] * shape[1])
        balance = resolve_balance(config, has_deep=config.deep_weights is not None)
        compactness = balance.compactness * whole / position_scale(shape, count, 1.0, coverage)
        return config.model_copy(update={"compactness": compactness})
