"""Training samples: crops of annotated images, augmented in float32 Lab (METHOD.md, section 7).

A sample is a function of the images, the options and a seed alone, so that a training run that
is resumed goes on with the very samples it would have seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.train.config import AugmentConfig
from spam_pipe.stages.train.contour_targets import VOID, contour_target

Generator = np.random.Generator

_MOST_REGIONS = np.iinfo(np.int16).max


@dataclass(frozen=True)
class Example:
    """An annotated image as training uses it."""

    lab: NDArray[np.float32]  # (H, W, 3) float32, CIELab
    # (A, H, W) int16, one region map per annotator, labels from 0; `VOID` where one says nothing
    regions: NDArray[np.int16]


@dataclass(frozen=True)
class Source:
    """Images that a share of the samples is drawn from."""

    examples: Sequence[Example]  # at least one
    share: float = 1.0  # of all samples, relative to the other sources' shares
    # weight of its contour targets: where regions are classes, many contours are not marked
    contours: float = 1.0


@dataclass(frozen=True)
class Sample:
    """The input of a training step: one crop or, with a leading axis, a batch."""

    lab: NDArray[np.float32]  # (3, S, S) float32
    # (A, S, S) int64, regions of A annotators, numbered from 0 in each; -1 counts for nothing
    labels: NDArray[np.int64]
    contours: NDArray[np.uint8]  # (S, S) uint8: 1 contour, 0 none, 255 ignored
    contour_weight: NDArray[np.float32]  # () float32, what the contours count


def make_example(
    image: NDArray[np.uint8],
    annotations: Sequence[NDArray[np.unsignedinteger[Any]]],
    void: int | None = None,
) -> Example:
    """Prepare an image for training.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    annotations
        (H, W) region maps, one per annotator.
    void
        Label of what the annotations say nothing about.

    Raises
    ------
    ValueError
        Without annotations, or when their shape is not the image's.
    """
    if not len(annotations):
        raise ValueError("an image without ground truth cannot be trained on")
    regions = []
    for annotation in annotations:
        if annotation.shape != image.shape[:2]:
            raise ValueError(
                f"ground truth of shape {annotation.shape} for an image of {image.shape[:2]}"
            )
        found, labels = np.unique(annotation, return_inverse=True)
        if len(found) > _MOST_REGIONS:
            raise ValueError(
                f"ground truth of {len(found)} regions; at most {_MOST_REGIONS} are supported"
            )
        numbered = labels.reshape(annotation.shape).astype(np.int16)
        regions.append(np.where(annotation == void, np.int16(VOID), numbered))
    return Example(rgb_to_lab(image), np.stack(regions))


def draw_batch(
    sources: Sequence[Source],
    config: AugmentConfig,
    contour_share: float,
    size: int,
    seed: tuple[int, ...],
) -> Sample:
    """Draw a batch of samples; the same seed gives the same batch."""
    drawn = [
        draw_sample(sources, config, contour_share, np.random.default_rng((*seed, index)))
        for index in range(size)
    ]
    return Sample(
        np.stack([sample.lab for sample in drawn]),
        np.stack([sample.labels for sample in drawn]),
        np.stack([sample.contours for sample in drawn]),
        np.stack([sample.contour_weight for sample in drawn]),
    )


def draw_sample(
    sources: Sequence[Source], config: AugmentConfig, contour_share: float, random: Generator
) -> Sample:
    """Draw one augmented crop of a random image of a random source."""
    shares = np.array([source.share for source in sources])
    source = sources[int(random.choice(len(sources), p=shares / shares.sum()))]
    examples = source.examples
    lab, regions = _crop(examples[int(random.integers(len(examples)))], config, random)
    if random.random() < config.paste:
        other = _crop(examples[int(random.integers(len(examples)))], config, random)
        lab, regions = paste(lab, regions, *other, random)
    chosen = np.resize(random.permutation(len(regions)), config.annotators)
    labels = np.stack([renumber(regions[one]) for one in chosen])
    return Sample(
        np.ascontiguousarray(jitter(lab, config, random).transpose(2, 0, 1)),
        labels,
        contour_target(regions, contour_share),
        np.asarray(source.contours, np.float32),
    )


def paste(
    lab: NDArray[np.float32],
    regions: NDArray[np.int32],
    other_lab: NDArray[np.float32],
    other_regions: NDArray[np.int32],
    random: Generator,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Paste some regions of another crop, with their exact borders.

    All annotators get the pasted regions, as one annotator of the other crop drew them. About
    half of the other crop's regions are pasted, so that neither crop covers the other whole; what
    has no region stays behind.
    """
    source = other_regions[random.integers(len(other_regions))]
    inside = (source != VOID) & (random.random(max(int(source.max()), 0) + 1) < 0.5)[source]
    return (
        np.where(inside[..., None], other_lab, lab),
        np.where(inside, source + regions.max() + 1, regions),
    )


def jitter(
    lab: NDArray[np.float32], config: AugmentConfig, random: Generator
) -> NDArray[np.float32]:
    """Change contrast, brightness, chroma and hue of a Lab image."""
    contrast, brightness = random.uniform(-1, 1, 2) * config.lightness_jitter
    chroma = 1 + random.uniform(-1, 1) * config.color_jitter
    turn = random.uniform(-1, 1) * config.hue_jitter
    cosine, sine = chroma * np.cos(turn), chroma * np.sin(turn)
    change = np.array(
        [[1 + contrast, 0, 0], [0, cosine, -sine], [0, sine, cosine]], dtype=np.float32
    )
    changed: NDArray[np.float32] = (lab - np.array([50, 0, 0], np.float32)) @ change.T
    changed[..., 0] = np.clip(changed[..., 0] + 50 * (1 + brightness), 0, 100)
    return changed


def renumber(regions: NDArray[np.int32]) -> NDArray[np.int64]:
    """Number the labels that are present from 0 on, in their order; `VOID` stays."""
    present = np.zeros(int(regions.max()) + 2, dtype=bool)
    present[regions + 1] = True  # `VOID` comes first
    present[0] = True
    numbers: NDArray[np.int64] = (np.cumsum(present) - 2)[regions + 1]
    return numbers


def _crop(
    example: Example, config: AugmentConfig, random: Generator
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Cut a square out of a randomly zoomed image, mirrored at random."""
    height, width = example.lab.shape[:2]
    zoom = np.clip(random.normal(1.0, config.scale_deviation), *config.scale_range)
    # A small image is zoomed until the crop fits.
    extent = min(config.crop / zoom, height, width)
    top, left = random.random(2) * (height - extent, width - extent)
    # Centres of the crop's pixels in the image's pixel coordinates.
    steps = (np.arange(config.crop) + 0.5) * (extent / config.crop) - 0.5
    rows = np.clip(top + steps, 0, height - 1)
    columns = np.clip(left + steps, 0, width - 1)
    if random.random() < config.flip:
        columns = columns[::-1]
    nearest = np.ix_(np.rint(rows).astype(int), np.rint(columns).astype(int))
    regions = example.regions[:, nearest[0], nearest[1]].astype(np.int32)
    return _interpolate(example.lab, rows, columns), regions


def _interpolate(
    image: NDArray[np.float32], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Sample an image bilinearly on a grid of rows and columns, one axis at a time."""
    by_row = _blend(image, rows, axis=0)
    return _blend(by_row, columns, axis=1)


def _blend(
    image: NDArray[np.float32], places: NDArray[np.float64], axis: int
) -> NDArray[np.float32]:
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, image.shape[axis] - 1)
    weight = (places - low).astype(np.float32)
    weight = weight[:, None, None] if axis == 0 else weight[:, None]
    below, above = image.take(low, axis=axis), image.take(high, axis=axis)
    blended: NDArray[np.float32] = below + weight * (above - below)
    return blended
